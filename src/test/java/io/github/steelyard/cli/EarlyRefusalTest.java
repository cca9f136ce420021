package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.console.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What an export would refuse, and memory that a calibration would not have, are told before the first layer, in the
/// same words by every command.
final class EarlyRefusalTest {

    private static final String FP8 = "cfg: {num_bits: e4m3}";

    @TempDir
    private Path temp;

    @ParameterizedTest
    @ValueSource(strings = {"plan", "calibrate", "run"})
    void pairThatNoServerLoads_isRefusedAtItsLine(String command) throws IOException {
        Path recipe = recipe("'*.experts.*weight_quantizer'", FP8);

        refused(command, bf16(), recipe, "%s:7:7: model.layers.0.mlp.experts.0.gate_proj".formatted(recipe))
                .contains("no server loads this pair of formats");
    }

    @ParameterizedTest
    @ValueSource(strings = {"plan", "calibrate", "run"})
    void tiedHead_isRefusedAtItsLine(String command) throws IOException {
        Path recipe = recipe("'*lm_head*'", FP8);
        Path tied = synthesize("tied", "bf16", "\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");

        refused(command, tied, recipe, "%s:7:7: lm_head: shares its weight with the embedding".formatted(recipe));
    }

    // A scale that nobody can have measured, pinned by the recipe: the verifier of the export would refuse it.
    @ParameterizedTest
    @ValueSource(strings = {"plan", "calibrate", "run"})
    void pinnedAmaxThatNobodyMeasures_isRefusedAtItsLine(String command) throws IOException {
        Path recipe = recipe("'*self_attn.o_proj.*'", "cfg: {num_bits: e4m3, constant_amax: 1.0e+30}");

        refused(command, bf16(), recipe, "%s:7:7: model.layers.0.self_attn.o_proj.input_scale".formatted(recipe))
                .contains("the export would not be sound")
                .contains("never measured");
    }

    @Test
    void unwritableAsACheckpoint_isNoTroubleForScales() throws IOException {
        Path recipe = recipe("'*.experts.*weight_quantizer'", FP8);
        Path source = bf16();

        run("run", source, recipe, "--format", "scales").expect(ExitCode.OK);
        Files.writeString(recipe, Files.readString(recipe) + "export: {format: scales}\n");
        plan(source, recipe).expect(ExitCode.OK);
    }

    @Test
    void plan_ofAConfigAlone_refusesWhatItCanTell() throws IOException {
        Path recipe = recipe("'*.experts.*weight_quantizer'", FP8);
        Path directory = Files.createDirectory(temp.resolve("config-alone"));
        Files.copy(Path.of("src/test/resources/cli/small-moe.json"), directory.resolve("config.json"));

        assertThat(plan(directory, recipe).expect(ExitCode.BAD_INPUT).err())
                .contains("no server loads this pair of formats");
    }

    @Test
    void memory_thatPlanNames_isWhatCalibrateTakes() throws IOException {
        Path source = bf16();
        Path recipe = recipe("'*.experts.*'", FP8);
        String printed = plan(source, recipe, "--data", data(source), "--threads", 3)
                .expect(ExitCode.OK)
                .out();
        Matcher memory = Pattern.compile("--memory (\\d+)M for 3 threads, at least (\\d+)M for one")
                .matcher(printed);
        assertThat(memory.find()).as(printed).isTrue();
        int all = Integer.parseInt(memory.group(1));
        int least = Integer.parseInt(memory.group(2));

        assertThat(run("calibrate", source, recipe, "--threads", 3, "--memory", (least - 1) + "M")
                        .expect(ExitCode.RESOURCE)
                        .err())
                .contains("at least --memory %dM, given are %dM".formatted(least, least - 1));
        assertThat(run("calibrate", source, recipe, "--threads", 3, "--memory", least + "M")
                        .expect(ExitCode.OK)
                        .err())
                .contains("%dM would do for all".formatted(all));
        assertThat(run("calibrate", source, recipe, "--threads", 3, "--memory", all + "M", "--fresh")
                        .expect(ExitCode.OK)
                        .err())
                .doesNotContain("worker threads");
    }

    private org.assertj.core.api.AbstractStringAssert<?> refused(
            String command, Path source, Path recipe, String message) {
        CommandRun run = command.equals("plan") ? plan(source, recipe) : run(command, source, recipe);
        run.expect(ExitCode.BAD_INPUT);
        assertThat(temp.resolve("out")).doesNotExist();
        return assertThat(run.err()).contains(message);
    }

    private static CommandRun plan(Path source, Path recipe, Object... options) {
        List<Object> arguments = new ArrayList<>(List.of("plan", source, "--recipe", recipe, "--gflops", 0));
        arguments.addAll(List.of(options));
        return CommandRun.of(arguments.toArray());
    }

    private CommandRun run(String command, Path source, Path recipe, Object... options) {
        List<Object> arguments = new ArrayList<>(
                List.of(command, source, "--recipe", recipe, "--data", data(source), "--out", temp.resolve("out")));
        arguments.addAll(List.of(options));
        return CommandRun.of(arguments.toArray());
    }

    private static Path data(Path source) {
        return source.resolve("tokens.jsonl");
    }

    private Path recipe(String pattern, String instruction) throws IOException {
        return Files.writeString(temp.resolve("recipe.yaml"), """
                metadata: {recipe_type: ptq}
                quantize:
                  algorithm: max
                  quant_cfg:
                    - quantizer_name: '*'
                      enable: false
                    - quantizer_name: %s
                      %s
                calibration: {starved_experts: layer_max}
                """.formatted(pattern, instruction));
    }

    private Path bf16() throws IOException {
        return synthesize("source", "bf16", "{", "{");
    }

    private Path synthesize(String name, String format, String from, String to) throws IOException {
        Path config = temp.resolve(name + ".json");
        Files.writeString(
                config,
                Files.readString(Path.of("src/test/resources/cli/small-moe.json"))
                        .replace(from, to));
        CommandRun.of(
                        "synthesize",
                        config,
                        "--format",
                        format,
                        "--layers",
                        2,
                        "--seed",
                        3,
                        "--sequences",
                        4,
                        "--sequence-length",
                        32,
                        "--out",
                        temp.resolve(name))
                .expect(ExitCode.OK);
        return temp.resolve(name);
    }
}
