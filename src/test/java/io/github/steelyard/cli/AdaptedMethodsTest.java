package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Adapters beside methods that solve weights, smooth inputs or draw their text in rounds: the same bytes for any
/// threads and any order of the options, and what is counted or solved is that of the model and all adapters.
final class AdaptedMethodsTest {

    private static final String STATIC_BLOCKS =
            "{num_bits: e2m1, block_sizes: {-1: 16, type: static, scale_bits: e4m3}}";

    @TempDir
    private Path temp;

    private SyntheticInputs inputs = new SyntheticInputs(Path.of(""));

    @BeforeEach
    void synthesise() {
        inputs = SyntheticInputs.write(temp.resolve("inputs"), "bf16", 2);
    }

    // Weights are solved by the inputs of the model as it is and of all adapters: one weight serves all.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "gptq",
                "{method: gptq, layerwise: {enable: true}}",
                "{method: local_hessian, fp8_scale_sweep: false}"
            })
    void calibrate_solved_sameBytesForAnyOrder_andOthersThanWithoutAdapters(String algorithm) throws IOException {
        Path recipe =
                Files.writeString(temp.resolve("recipe.yaml"), """
                metadata: {recipe_type: ptq}
                quantize:
                  algorithm: %s
                  quant_cfg:
                    - {quantizer_name: '*', enable: false}
                    - {quantizer_name: '*self_attn.?_proj.weight_quantizer', cfg: %s}
                    - {quantizer_name: '*.experts.*weight_quantizer', cfg: %s}
                """.formatted(algorithm, STATIC_BLOCKS, STATIC_BLOCKS));
        List<Path> adapters = adapters();

        calibrate("one", recipe, adapters, "--threads", 1);
        calibrate("two", recipe, adapters.reversed(), "--threads", 3);
        calibrate("none", recipe, List.of());

        assertThat(files("two")).isEqualTo(files("one"));
        assertThat(CommandRun.solved(temp.resolve("one"))).isNotEmpty();
        assertThat(CommandRun.solved(temp.resolve("none"))).isNotEqualTo(CommandRun.solved(temp.resolve("one")));
        CommandRun.of("export", temp.resolve("one"), "--out", temp.resolve("export"))
                .expect(ExitCode.OK);
        CommandRun.of(
                        "evaluate",
                        inputs.checkpoint(),
                        "--run",
                        temp.resolve("one"),
                        "--adapter",
                        adapters.getFirst(),
                        "--data",
                        inputs.data())
                .expect(ExitCode.OK);
    }

    @Test
    void calibrate_topUp_countsTokensOfAllVariants() throws IOException {
        Path recipe = Path.of(CommandRun.recipe("nvfp4-experts"));
        List<Path> adapters = adapters();
        Object[] target = {
            "--set", "calibration.experts=top_up",
            "--set", "calibration.target_tokens=40",
            "--set", "calibration.min_tokens=40",
            "--set", "calibration.round_sequences=2"
        };

        CommandRun one = calibrate("one", recipe, adapters, with(target, "--threads", 1));
        calibrate("two", recipe, adapters.reversed(), with(target, "--threads", 3));

        assertThat(files("two")).isEqualTo(files("one"));
        assertThat(one.out())
                .containsPattern("all \\d+ experts saw at least (4\\d|[5-9]\\d|\\d{3,}) token\\(s\\)")
                .contains("counted over the model as it is and 2 adapters");
    }

    @Test
    void calibrate_untilConverged_comparesTheMaximaOfAllVariants() throws IOException {
        Path recipe = Path.of(CommandRun.recipe("nvfp4-experts"));
        List<Path> adapters = adapters();
        Object[] converged = {
            "--set", "calibration.until_converged={growth: 4, share: 0.5}", "--set", "calibration.round_sequences=1"
        };

        calibrate("one", recipe, adapters, with(converged, "--threads", 1));
        calibrate("two", recipe, adapters.reversed(), with(converged, "--threads", 3));

        assertThat(files("two")).isEqualTo(files("one"));
        assertThat(manifest("one").path("draws").path("stopped").asText()).isEqualTo("reached");
    }

    private List<Path> adapters() {
        return Stream.of("one", "two")
                .map(name -> inputs.adapter(name.length() + name.charAt(0))
                        .write(temp.resolve("adapters").resolve(name)))
                .toList();
    }

    private static Object[] with(Object[] some, Object... more) {
        return Stream.concat(Stream.of(some), Stream.of(more)).toArray();
    }

    private CommandRun calibrate(String run, Path recipe, List<Path> adapters, Object... options) {
        List<Object> all = new ArrayList<>(List.of(
                "calibrate",
                inputs.checkpoint(),
                "--recipe",
                recipe,
                "--data",
                inputs.data(),
                "--gemm",
                "vector",
                "--out",
                temp.resolve(run)));
        adapters.forEach(adapter -> all.addAll(List.of("--adapter", adapter)));
        all.addAll(List.of(options));
        return CommandRun.of(all.toArray()).expect(ExitCode.OK);
    }

    private JsonNode manifest(String run) throws IOException {
        return Json.parse(Files.readString(temp.resolve(run).resolve("manifest.json")));
    }

    /// Returns the digests of what a run measured and solved.
    private Map<String, String> files(String run) throws IOException {
        Map<String, String> digests = CommandRun.solved(temp.resolve(run));
        digests.put("statistics", manifest(run).at("/statistics/digest").asText());
        return digests;
    }
}
