package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.console.Console;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Shared;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

final class BackendsCommandTest {

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private int run(String... arguments) {
        out.reset();
        err.reset();
        Console console = new Console(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                false);
        return Main.run(console, arguments);
    }

    private String printed() {
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void select_nvfp4OnBlackwell_printsTheBackendAndWhatItHides() {
        int code = run("backends", "select", "--format", "nvfp4", "--device", "sm100", "--libraries", "flashinfer");

        assertThat(code).isEqualTo(ExitCode.OK);
        assertThat(printed()).isEqualTo("""
                        FLASHINFER_TRTLLM (TrtLlmNvFp4ExpertsMonolithic)
                          w13 input:    layer-input (the kernel routes by itself: the layer's input is seen, which expert \
                        takes which row is not)
                          w2 input:     hidden (one kernel call runs both expert GEMMs)
                          input scales: layer-maximum
                        """);
    }

    @Test
    void select_casesWithAnOptionThatTheyDecide_isWrongUsage() {
        int code = run("backends", "select", "--case", "cases.json", "--strict", "--device", "sm90", "--tp", "2");

        assertThat(code).isEqualTo(ExitCode.USAGE);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("--device, --tp: no effect with --case");
    }

    @Test
    void select_nameOfAnotherFormat_exitsWithOneAndNamesTheOption() {
        int code =
                run("backends", "select", "--format", "fp8", "--device", "sm121", "--moe-backend", "flashinfer-b12x");

        assertThat(code).isEqualTo(ExitCode.GATE);
        assertThat(printed())
                .startsWith("refused, ValueError: moe_backend='flashinfer_b12x' is not supported for FP8 MoE.")
                .contains("[requested by --moe-backend]");
    }

    @Test
    void select_nameForAnotherFormat_doesNotTouchThisOne() {
        int code =
                run("backends", "select", "--format", "fp8", "--device", "sm121", "--moe-backend.nvfp4", "emulation");

        assertThat(code).isEqualTo(ExitCode.OK);
        assertThat(printed()).startsWith("FLASHINFER_CUTLASS (FlashInferExperts)");
    }

    @Test
    void select_casesOfAFile_givesOneResultEach() {
        int code = run(
                "backends",
                "select",
                "--strict",
                "--json",
                "--case",
                Shared.path("conformance/backend-cases.json").toString());

        assertThat(code).isEqualTo(ExitCode.OK);
        assertThat(printed())
                .startsWith("{\n  \"command\" : \"backends select\",\n  \"ok\" : true,\n  \"result\" : {\n")
                .contains("\"results\"", "\"id\" : \"C069\"", "\"backend\" : \"FLASHINFER_CUTLASS\"");
    }

    @Test
    void select_fileThatIsNoCase_exitsWithThree() {
        assertThat(run("backends", "select", "--case", "pom.xml")).isEqualTo(ExitCode.BAD_INPUT);
        assertThat(err.toString(StandardCharsets.UTF_8)).startsWith("error: pom.xml:1: not JSON:");
    }

    @Test
    void select_missingDevice_isWrongUsage() {
        assertThat(run("backends", "select", "--format", "fp8")).isEqualTo(ExitCode.USAGE);
        assertThat(err.toString(StandardCharsets.UTF_8))
                .isEqualTo("error: --device: expected a name such as sm100, found nothing\n");
    }

    @Test
    void explain_nanoOnTheOlderSnapshot_namesEveryStepAndTheFlag() {
        int code = run(
                "backends",
                "explain",
                "--serving",
                "vllm@2026-05-30",
                "--format",
                "unquantized",
                "--activation",
                "relu2_no_mul",
                "--device",
                "sm100");

        assertThat(code).isEqualTo(ExitCode.OK);
        assertThat(printed())
                .contains("asked for:  nothing; the engine chooses")
                .contains("candidates: FLASHINFER_TRTLLM, FLASHINFER_CUTLASS, TRITON, BATCHED_TRITON")
                .contains("rejected:   FLASHINFER_TRTLLM (TrtLlmBf16Experts): kernel does not support no act_and_mul"
                        + " MLP layer")
                .contains("answer:     FLASHINFER_CUTLASS (FlashInferExperts)")
                .contains("for fake quantization launch with: --moe-backend triton");
    }

    @Test
    void list_withoutEngine_namesEverySnapshot() {
        assertThat(run("backends", "list")).isEqualTo(ExitCode.OK);
        assertThat(printed()).contains("vllm@2026-05-30: ", "vllm@2026-08-17: ", "steelyard@1: ");
    }

    @Test
    void list_oneEngine_namesItsBackends() {
        assertThat(run("backends", "list", "--serving", "steelyard")).isEqualTo(ExitCode.OK);
        assertThat(printed()).contains("FUSED", "[decomposed]", "DecomposedExperts: w2 input materialised");
    }
}
