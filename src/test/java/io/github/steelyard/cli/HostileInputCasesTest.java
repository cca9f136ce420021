package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Faults found by attack, `cases/hostile`: what is read and what is said of it.
final class HostileInputCasesTest {

    @TempDir
    private Path temp;

    @ParameterizedTest
    @CsvSource({"e1, rec.yaml", "e2, reccat.yaml", "e4, reccat.yaml"})
    void case09_eosTokenId(String checkpoint, String recipe) {
        HostileCase made = HostileCase.copy("09-eos-token-id", temp);

        CommandRun run = made.calibrate(checkpoint, recipe, "ids.jsonl", "o").expect(ExitCode.BAD_INPUT);
        assertThat(run.err()).contains("eos_token_id");
        HostileCase.assertOneError(run.err());
    }

    @ParameterizedTest
    @CsvSource({"3, r1, inspect, --check", "3, r2, plan, --tokens=1", "1, r1, verify, --json"})
    @DisabledOnOs(OS.WINDOWS)
    void case10_regexHang(int code, String checkpoint, String command, String option) {
        HostileCase made = HostileCase.copy("10-regex-hang", temp);

        HostileCase.runBounded(code, command, made.path(checkpoint), option);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gate.weight", "gate.e_score_correction_bias"})
    void case11_groupedRouterNan(String tensor) throws IOException {
        HostileCase made = HostileCase.copy("11-grouped-router-nan", temp);
        Files.createDirectory(made.path("rt"));
        Files.copy(made.path("config.json"), made.path("rt/config.json"));
        Path file = made.path("rt/model.safetensors");
        Files.write(file, Files.readAllBytes(Shared.path("conformance/architectures/deepseek_v3/model.safetensors")));
        String name = "model.layers.1.mlp." + tensor;
        byte[] notNumbers = new byte[HostileCase.bytes(file, name)];
        Arrays.fill(notNumbers, (byte) 0xff);
        HostileCase.poke(file, name, notNumbers);

        CommandRun run = made.calibrate("rt", "rec.yaml", "ids.jsonl", "o");
        assertThat(run.code()).isIn(ExitCode.GATE, ExitCode.BAD_INPUT);
        assertThat(run.err()).contains("model.layers.1.mlp");
    }

    @Test
    void case12_inputScaleOverflow() {
        Path checkpoint = HostileCase.copy("12-input-scale-overflow", temp).path("rt2");

        CommandRun evaluated = HostileCase.run(
                        "evaluate", checkpoint, "--data", checkpoint.resolveSibling("ids.jsonl"), "--fake-quant")
                .expect(ExitCode.BAD_INPUT);
        assertThat(evaluated.err()).contains("input_scale");
        CommandRun inspected = HostileCase.run("inspect", checkpoint, "--check").expect(ExitCode.BAD_INPUT);
        assertThat(inspected.err()).contains("input_scale");
    }

    @ParameterizedTest
    @ValueSource(strings = {"stats", "export"})
    void case14_nulInPaths(String command) {
        HostileCase made = HostileCase.copy("14-nul-in-paths", temp);

        CommandRun run = command.equals("stats")
                ? HostileCase.run(command, made.path("rn"))
                : HostileCase.run(command, made.path("rn"), "--out", made.path("x"));
        run.expect(ExitCode.BAD_INPUT);
        HostileCase.assertOneError(run.err());
    }

    @Test
    void case17_atFile() throws IOException {
        HostileCase made = HostileCase.copy("17-at-file", temp);
        Files.writeString(made.path("words"), "--version");

        HostileCase.run("inspect", "@" + made.path("ck")).expect(ExitCode.BAD_INPUT);
        CommandRun file = HostileCase.run("inspect", "@" + made.path("words")).expect(ExitCode.BAD_INPUT);
        assertThat(file.err()).contains("@" + made.path("words"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"tensor names", "data keys", "recipe"})
    void case18_escapesInMessages(String source) {
        HostileCase made = HostileCase.copy("18-escapes-in-messages", temp);
        CommandRun run = switch (source) {
            case "tensor names" -> HostileCase.run("verify", made.path("esc"));
            case "data keys" -> made.calibrate("ck", "rec.yaml", "esc.jsonl", "o");
            default ->
                HostileCase.run(
                        "calibrate", made.path("ck"), "--recipe", made.path("recesc.yaml"), "--out", made.path("o"));
        };

        assertThat(run.code()).isNotEqualTo(ExitCode.OK);
        String shown = run.out() + run.err();
        assertThat(shown).doesNotContainPattern("[\\p{Cc}\\p{Cf}&&[^\n]]");
        assertThat(shown.lines()).noneMatch(line -> line.startsWith("FAKE") || line.startsWith("error: FAKE"));
    }

    @ParameterizedTest
    @CsvSource({
        "calibrate, --sequence-length=2147483647",
        "calibrate, --threads=2147483647",
        "plan, --gflops=NaN",
        "plan, --gflops=-1",
        "plan, --gflops=Infinity"
    })
    @DisabledOnOs(OS.WINDOWS)
    void case24_bigArguments(String command, String option) {
        HostileCase made = HostileCase.copy("24-big-arguments", temp);
        Object[] arguments = command.equals("plan")
                ? new Object[] {"plan", made.path("ck"), option}
                : made.calibration("ck", "rec.yaml", "ids.jsonl", "o", option);

        String err = HostileCase.runBounded(ExitCode.USAGE, arguments);
        assertThat(err).contains(option.substring(0, option.indexOf('=')));
    }

    // Rights cannot be taken from root, so the refusals by the system are those that root meets too.
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void case26_misleadingIoMessages() throws Exception {
        HostileCase made = HostileCase.copy("03-tokenizer-kills-jvm", temp);
        Process fifo =
                new ProcessBuilder("mkfifo", made.path("ck/tokenizer.json").toString()).start();
        assertThat(fifo.waitFor()).isZero();

        CommandRun run = made.calibrate("ck", "rec.yaml", "text.jsonl", "o").expect(ExitCode.BAD_INPUT);
        assertThat(run.err()).contains("tokenizer.json", "regular file").doesNotContain("no such file");
        HostileCase.assertOneError(run.err());
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void case28_recipeRulesUnbounded() throws IOException {
        ObjectNode config = (ObjectNode) Json.read(Shared.path("conformance/malformed/ok_nvfp4/config.json"));
        config.put("num_hidden_layers", 1024).put("num_experts", 128);
        Path directory = Files.createDirectory(temp.resolve("D"));
        Files.writeString(directory.resolve("config.json"), config.toString());
        String rules = IntStream.range(0, 17_000)
                .mapToObj("    - {quantizer_name: '*a*e*i*o*%d*x', enable: true}\n"::formatted)
                .collect(Collectors.joining());
        Path recipe = Files.writeString(temp.resolve("rules.yaml"), """
                metadata: {recipe_type: ptq}
                quantize:
                  algorithm: max
                  quant_cfg:
                    - {quantizer_name: '*', enable: false}
                """ + rules);

        String err = HostileCase.runBounded(
                ExitCode.BAD_INPUT, "plan", directory, "--recipe", recipe, "--gflops", 0, "--tokens", 1);
        assertThat(err.lines().count()).isLessThan(30);
    }
}
