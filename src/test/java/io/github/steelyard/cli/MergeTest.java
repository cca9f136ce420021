package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Parts of a text that are measured apart and merged, against one run over all of it.
final class MergeTest {

    private static final int SEQUENCES = 18;
    private static final long SEED = 20_260_715;
    private static final String STATIC = "{num_bits: e2m1, block_sizes: {-1: 16, type: static, scale_bits: e4m3}}";
    private static final String DYNAMIC = "{num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}}";

    @TempDir
    private Path temp;

    private Path checkpoint = Path.of("");

    @BeforeEach
    void synthesise() {
        checkpoint = synthesise("model", 7);
    }

    private Path synthesise(String name, int seed) {
        Path out = temp.resolve(name);
        Object[] arguments = {
            "synthesize",
            "src/test/resources/cli/small-moe.json",
            "--layers",
            2,
            "--seed",
            seed,
            "--sequences",
            SEQUENCES,
            "--sequence-length",
            24,
            "--out",
            out
        };
        CommandRun.of(arguments).expect(ExitCode.OK);
        return out;
    }

    /// What a calibration observes, by a name.
    private Object[] observed(String what) {
        return switch (what) {
            case "max" -> new Object[] {"--recipe", recipe(what, "max", "{num_bits: e4m3}")};
            case "all" -> new Object[] {"--experts", "all", "--recipe", recipe(what, "max", "{num_bits: e4m3}")};
            case "histograms" ->
                new Object[] {
                    "--recipe", recipe(what, "max", "{num_bits: e4m3, calibrator: histogram}"), "--experts", "all"
                };
            case "blocks" -> new Object[] {"--recipe", recipe(what, "nvfp4_act_headroom", DYNAMIC)};
            case "channels" -> new Object[] {"--recipe", recipe(what, "smoothquant", "{num_bits: 8}")};
            case "moments" -> new Object[] {"--recipe", recipe(what, "gptq", DYNAMIC)};
            case "top_up" ->
                new Object[] {
                    "--recipe",
                    recipe(what, "max", "{num_bits: e4m3}"),
                    "--set",
                    "calibration.experts=top_up",
                    "--set",
                    "calibration.target_tokens=300",
                    "--set",
                    "calibration.round_sequences=" + SEQUENCES
                };
            default -> throw new IllegalArgumentException(what);
        };
    }

    private Path recipe(String name, String algorithm, String inputs) {
        String weights = algorithm.equals("smoothquant")
                ? "{num_bits: 8, axis: 0}"
                : inputs.equals(DYNAMIC) ? STATIC : "{num_bits: e4m3}";
        String text =
                """
                metadata: {recipe_type: ptq}
                quantize:
                  algorithm: {method: %s}
                  quant_cfg:
                    - {quantizer_name: '*', enable: false}
                    - {quantizer_name: '*_proj.weight_quantizer', cfg: %s}
                    - {quantizer_name: '*_proj.input_quantizer', cfg: %s}
                calibration: {min_tokens: 1}
                export: {sharing: layer, format: %s}
                """.formatted(algorithm, weights, inputs, algorithm.equals("smoothquant") ? "scales" : "modelopt");
        try {
            return Files.writeString(temp.resolve(name + ".yaml"), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"max", "all", "histograms", "moments"})
    void parts_ofAnyNumber_inAnyOrder_haveTheBytesOfTheWhole(String what) throws IOException {
        calibrate("whole", observed(what)).expect(ExitCode.OK);
        byte[] expected = statistics("whole");
        Random random = new Random(SEED);
        for (int parts : List.of(1, 2, 3, 7, 16)) {
            List<String> runs = shards(parts, observed(what));
            for (int order = 0; order < 3; order++) {
                Collections.shuffle(runs, random);
                String out = "merged-%d-%d".formatted(parts, order);
                merge(out, runs).expect(ExitCode.OK);
                assertThat(statistics(out)).as("%s, seed %d", runs, SEED).isEqualTo(expected);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"max", "blocks", "channels", "top_up"})
    void tree_ofMerges_hasTheBytesOfTheWhole(String what) throws IOException {
        calibrate("whole", observed(what)).expect(ExitCode.OK);
        List<String> runs = shards(5, observed(what));

        merge("left", List.of(runs.get(4), runs.get(1)), "--partial").expect(ExitCode.OK);
        merge("inner", List.of(runs.get(3), runs.get(0)), "--partial").expect(ExitCode.OK);
        merge("right", List.of("inner", runs.get(2)), "--partial").expect(ExitCode.OK);
        CommandRun root = merge("root", List.of("right", "left"), "--json").expect(ExitCode.OK);

        assertThat(statistics("root")).isEqualTo(statistics("whole"));
        assertThat(root.json().get("sequences").intValue()).isEqualTo(SEQUENCES);
        assertThat(root.json().get("missing").textValue()).isEmpty();
        JsonNode merged = manifest("root");
        JsonNode whole = manifest("whole");
        for (String same : List.of("checkpoint", "recipe", "data", "sequences", "tokens", "settings", "statistics")) {
            assertThat(merged.get(same)).as(same).isEqualTo(whole.get(same));
        }
        assertThat(merged.get("draws")).isEqualTo(whole.get("draws"));
        assertThat(merged.has("parts")).isFalse();
        assertThat(CommandRun.of("stats", temp.resolve("root"), "--json")
                        .expect(ExitCode.OK)
                        .out())
                .isEqualTo(
                        CommandRun.of("stats", temp.resolve("whole"), "--json").out());
        CommandRun.of("export", temp.resolve("root"), "--out", temp.resolve("export"))
                .expect(ExitCode.OK);
        assertThat(calibrate("root", observed(what)).expect(ExitCode.OK).out()).contains("already complete");
    }

    // Solving looks at the quantised inputs of all tokens: it takes the scales that all parts gave.
    @Test
    void moments_ofAMergedRun_areSolvedByTheCalibrationOfTheWhole() {
        calibrate("whole", observed("moments")).expect(ExitCode.OK);
        List<String> runs = shards(3, observed("moments"));
        CommandRun early = CommandRun.of("export", temp.resolve(runs.getFirst()), "--out", temp.resolve("export"));
        assertThat(early.expect(ExitCode.BAD_INPUT).err()).contains("merge it with the others, and calibrate");
        assertThat(merge("some", runs.subList(0, 2), "--partial")
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("solves weights by one whole text, and some of it is missing");

        CommandRun merged = merge("merged", runs, "--json").expect(ExitCode.OK);
        assertThat(merged.json().get("status").textValue()).isEqualTo("measured");
        assertThat(merge("merged", runs).expect(ExitCode.OK).out()).contains("already measured");
        CommandRun solving = calibrate("merged", observed("moments")).expect(ExitCode.OK);

        assertThat(solving.err()).contains("solve: layer").doesNotContain("calibrate: layer");
        assertThat(manifest("merged").get("solved")).isEqualTo(manifest("whole").get("solved"));
        assertThat(manifest("merged").get("settings"))
                .isEqualTo(manifest("whole").get("settings"));
        assertThat(merge("twice", List.of("merged")).expect(ExitCode.BAD_INPUT).err())
                .contains("its weights are solved already");
    }

    @Test
    void missingParts_areNamed_andWhatIsMadeWithoutThemSaysSo() {
        List<String> runs = shards(4, observed("max")); // 4, 5, 4 and 5 sequences
        List<String> some = List.of(runs.get(3), runs.get(0));

        assertThat(merge("merged", some).expect(ExitCode.BAD_INPUT).err())
                .contains("sequences 5 to 13 of 18 are in none of the runs (--partial does without)");
        assertThat(temp.resolve("merged")).doesNotExist();
        CommandRun partial = merge("merged", some, "--partial").expect(ExitCode.OK);

        assertThat(partial.out()).contains(", without sequences 5 to 13 of 18");
        assertThat(CommandRun.of("stats", temp.resolve("merged"))
                        .expect(ExitCode.OK)
                        .err())
                .contains("measured without sequences 5 to 13 of 18");
        CommandRun.of("export", temp.resolve("merged"), "--out", temp.resolve("export"))
                .expect(ExitCode.OK);
        assertThat(Json.read(temp.resolve("export/steelyard.json"))
                        .get("inputs")
                        .get("part")
                        .textValue())
                .isEqualTo("sequences 1 to 4, 14 to 18 of 18");
        assertThat(calibrate("merged", observed("max"))
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("part: nothing here, sequences 1 to 4, 14 to 18 of 18 in the run");
        assertThat(merge("other", runs, "--partial").expect(ExitCode.OK).err()).contains("nothing is missing");
    }

    @Test
    void part_thatIsThereTwice_isRefused() {
        List<String> runs = shards(2, observed("max"));
        calibrate("third", with(observed("max"), "--shard", "3/3")).expect(ExitCode.OK);

        assertThat(merge("merged", List.of(runs.get(0), runs.get(1), runs.get(0)))
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("sequences 1 to 9 are in", "too: each part of a text counts once");
        assertThat(merge("merged", List.of(runs.get(0), runs.get(1), "third"))
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("sequences 13 to 18 are in");
    }

    @Test
    void parts_ofOtherRuns_areRefusedByWhatDiffers() {
        shards(2, observed("max"));
        Path others = synthesise("other", 8);
        calibrate("experts", with(observed("all"), "--shard", "2/2")).expect(ExitCode.OK);
        calibrate("gemm", with(observed("max"), "--shard", "2/2", "--gemm", "reference"))
                .expect(ExitCode.OK);
        calibrate("gate", with(observed("max"), "--shard", "2/2", "--set", "calibration.min_tokens=2"))
                .expect(ExitCode.OK);
        calibrate("text", with(observed("max"), "--shard", "2/2", "--data", others.resolve("tokens.jsonl")))
                .expect(ExitCode.OK);
        calibrate(others, "model2", with(observed("max"), "--shard", "2/2")).expect(ExitCode.OK);

        assertThat(refused("experts")).contains("experts: all here, routed in ");
        assertThat(refused("gemm")).contains("gemm: reference here, ");
        assertThat(refused("gate")).contains("recipe: other content here than in ");
        assertThat(refused("text")).contains("data: other content here than in ", "--union merges different texts");
        assertThat(refused("model2")).contains("checkpoint: other content here than in ");
    }

    private String refused(String other) {
        return merge("merged", List.of("shard-1-2", other))
                .expect(ExitCode.BAD_INPUT)
                .err();
    }

    @Test
    void union_ofTexts_hasTheBytesOfTheirText_andNamesEach() throws IOException {
        Path second = synthesise("other", 8).resolve("tokens.jsonl");
        Path both =
                Files.writeString(temp.resolve("both.jsonl"), Files.readString(tokens()) + Files.readString(second));
        calibrate("whole", with(observed("all"), "--data", both)).expect(ExitCode.OK);
        List<String> runs = shards(2, observed("all"));
        calibrate("second", with(observed("all"), "--data", second)).expect(ExitCode.OK);

        CommandRun union = merge(
                        "merged",
                        Stream.concat(runs.stream(), Stream.of("second")).toList(),
                        "--union")
                .expect(ExitCode.OK);

        assertThat(union.out()).contains("36 sequences", ", counted over 2 texts");
        assertThat(statistics("merged")).isEqualTo(statistics("whole"));
        JsonNode parts = manifest("merged").get("parts");
        assertThat(parts).hasSize(2);
        assertThat(parts.get(manifest("second").get("data").get("digest").textValue())
                        .get("tokens"))
                .isEqualTo(manifest("second").get("tokens"));
        CommandRun.of("stats", temp.resolve("merged")).expect(ExitCode.OK);
        assertThat(merge("again", runs, "--union").expect(ExitCode.OK).err()).contains("all runs are of one text");
        calibrate("nearest", observed("top_up")).expect(ExitCode.OK);
        assertThat(merge("nearest-2", List.of("nearest"), "--union")
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("its text was drawn in rounds");
    }

    // Of a text in parts the gate is asked once all are there.
    @Test
    void coverage_isJudgedAfterTheMerge() {
        Object[] strict = with(observed("max"), "--set", "calibration.min_tokens=150");
        calibrate("whole", strict).expect(ExitCode.OK);
        List<String> runs = shards(6, strict);

        assertThat(runs)
                .allSatisfy(run -> assertThat(temp.resolve(run).resolve("starved-experts.txt"))
                        .doesNotExist());
        merge("some", runs.subList(0, 2), "--partial").expect(ExitCode.GATE);
        assertThat(temp.resolve("some/starved-experts.txt")).exists();
        merge("merged", runs).expect(ExitCode.OK);
        assertThat(temp.resolve("merged/starved-experts.txt")).doesNotExist();
    }

    @Test
    void shard_thatIsBrokenOff_goesOnWithTheSameBytes_andIsNoOtherShard() throws IOException {
        Object[] second = with(observed("all"), "--shard", "2/3");
        calibrate("expected", second).expect(ExitCode.OK);
        CommandRun.watched(
                        new ProgressWatcher("layer 1/2", () -> {
                            throw new IllegalStateException("broken off by the test");
                        }),
                        arguments(checkpoint, "run", second))
                .expect(ExitCode.INTERNAL);

        assertThat(calibrate("run", with(observed("all"), "--shard", "1/3"))
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("part: sequences 1 to 6 of 18 here, sequences 7 to 12 of 18 in the run");
        assertThat(merge("run", List.of("expected"), "--partial")
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("a calibration was broken off here; use --fresh");
        calibrate("run", second).expect(ExitCode.OK);
        assertThat(statistics("run")).isEqualTo(statistics("expected"));
    }

    @Test
    void merge_isDoneOnce_andBegunAgainWhereItWasBrokenOff() throws IOException {
        List<String> runs = shards(2, observed("max"));
        merge("merged", runs).expect(ExitCode.OK);
        byte[] expected = statistics("merged");

        assertThat(merge("merged", runs.reversed()).expect(ExitCode.OK).out()).contains("already complete");
        assertThat(merge("merged", runs.subList(0, 1), "--partial")
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("part: sequences 1 to 9 of 18 here, nothing in the run");
        merge("merged", runs.subList(0, 1), "--partial", "--fresh").expect(ExitCode.OK);
        assertThat(statistics("merged")).isNotEqualTo(expected);

        Files.delete(temp.resolve("merged/manifest.json")); // as one that is killed before the last step
        Files.createDirectory(temp.resolve("merged/state"));
        Files.createFile(temp.resolve("merged/state/lock"));
        merge("merged", runs).expect(ExitCode.OK);
        assertThat(statistics("merged")).isEqualTo(expected);
        assertThat(temp.resolve("merged/state")).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(strings = {"0/3", "4/3", "3", "a/b", "1/0", "-1/2", "1/100000000000"})
    void shard_thatIsNone_isRefused(String shard) {
        CommandRun run =
                calibrate("run", with(observed("max"), "--shard", shard)).expect(ExitCode.USAGE);

        assertThat(run.err()).contains("--shard").contains("expected I/N");
    }

    @Test
    void shard_ofWhatOnlyTheWholeCanTell_isRefused() {
        assertThat(calibrate("run", with(observed("max"), "--shard", "2/19"))
                        .expect(ExitCode.USAGE)
                        .err())
                .contains("the calibration text has 18 sequences, fewer than parts");
        assertThat(calibrate(
                                "run",
                                with(
                                        observed("max"),
                                        "--shard",
                                        "2/3",
                                        "--set",
                                        "calibration.until_converged={growth: 1.5}"))
                        .expect(ExitCode.USAGE)
                        .err())
                .contains("calibration.until_converged depends on what all parts show together");
        assertThat(calibrate("run", with(observed("top_up"), "--shard", "2/3", "--set", "calibration.budget.tokens=90"))
                        .expect(ExitCode.USAGE)
                        .err())
                .contains("calibration.budget depends on what all parts show together");
    }

    // One line each, and nothing is left where the merged run would be.
    @ParameterizedTest
    @ValueSource(
            strings = {"from", "to", "sequences", "tokens", "text", "digest", "cut", "recipe", "weight", "overflow"})
    void damagedRun_isRefusedInOneLine(String fault) throws IOException {
        List<String> runs = shards(2, observed("top_up"));
        Path run = temp.resolve(runs.getLast());
        Path manifest = run.resolve("manifest.json");
        String text = Files.readString(manifest);
        switch (fault) {
            case "from" -> Files.writeString(manifest, text.replace("\"from\" : [ 9 ]", "\"from\" : [ 90 ]"));
            case "to" -> Files.writeString(manifest, text.replace("\"to\" : [ 18 ]", "\"to\" : [ ]"));
            case "sequences" -> Files.writeString(manifest, text.replace("\"sequences\" : 18", "\"sequences\" : 19"));
            case "tokens" ->
                Files.writeString(manifest, text.replaceAll("\"tokens\" : [0-9]+\\s*\\}", "\"tokens\" : -5 }"));
            case "text" -> Files.writeString(manifest, text.replaceAll("\"parts\" : \\{\\s*\"..", "\"parts\" : {\"zz"));
            case "digest" -> Files.writeString(run.resolve("statistics.safetensors"), "no statistics");
            case "cut" ->
                Files.write(run.resolve("statistics.safetensors"), Arrays.copyOf(statistics(runs.getLast()), 1000));
            case "recipe" -> Files.writeString(run.resolve("recipe.json"), "{}");
            case "weight" -> StatisticsEdits.replace(run, "weight_quantizer", found -> StatisticsEdits.louder(found));
            case "overflow" -> StatisticsEdits.replace(run, "q_proj.input", found -> StatisticsEdits.endless(found));
            default -> throw new IllegalArgumentException(fault);
        }

        CommandRun refused = merge("merged", runs).expect(ExitCode.BAD_INPUT);

        HostileCase.assertOneError(refused.err());
        assertThat(temp.resolve("merged/manifest.json")).doesNotExist();
    }

    private Path tokens() {
        return checkpoint.resolve("tokens.jsonl");
    }

    private CommandRun calibrate(String run, Object... options) {
        return calibrate(checkpoint, run, options);
    }

    private CommandRun calibrate(Path model, String run, Object... options) {
        return CommandRun.of(arguments(model, run, options));
    }

    private Object[] arguments(Path model, String run, Object... options) {
        List<Object> arguments = new ArrayList<>(List.of("calibrate", model, "--out", temp.resolve(run)));
        if (!List.of(options).contains("--data")) {
            arguments.addAll(List.of("--data", tokens()));
        }
        arguments.addAll(List.of(options));
        return arguments.toArray();
    }

    private List<String> shards(int parts, Object... options) {
        List<String> runs = new ArrayList<>(IntStream.rangeClosed(1, parts)
                .mapToObj(index -> "shard-%d-%d".formatted(index, parts))
                .toList());
        for (int i = 0; i < parts; i++) {
            calibrate(runs.get(i), with(options, "--shard", "%d/%d".formatted(i + 1, parts)))
                    .expect(ExitCode.OK);
        }
        return runs;
    }

    private CommandRun merge(String out, List<String> runs, Object... options) {
        List<Object> arguments = new ArrayList<>(List.of("merge"));
        runs.forEach(run -> arguments.add(temp.resolve(run)));
        arguments.addAll(List.of("--out", temp.resolve(out)));
        arguments.addAll(List.of(options));
        return CommandRun.of(arguments.toArray());
    }

    private static Object[] with(Object[] options, Object... more) {
        return Stream.of(options, more).flatMap(Stream::of).toArray();
    }

    private byte[] statistics(String run) throws IOException {
        return Files.readAllBytes(temp.resolve(run).resolve("statistics.safetensors"));
    }

    private JsonNode manifest(String run) {
        return Json.read(temp.resolve(run).resolve("manifest.json"));
    }
}
