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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A model whose routers seldom choose 30 % of the experts: 1536 tokens leave 18 of 60 with fewer than 64.
final class TopUpTest {

    private static final int SEQUENCES = 24;
    private static final int LENGTH = 64;
    private static final int STARVED = 18;

    @TempDir
    private Path temp;

    @BeforeEach
    void synthesise() throws IOException {
        String config = Files.readString(Path.of("src/test/resources/cli/small-moe.json"));
        Path skewed = Files.writeString(
                temp.resolve("config.json"), config.replace("\"num_experts\": 4", "\"num_experts\": 20"));
        synthesise(skewed, "model", "--starved", 0.3);
    }

    private void synthesise(Path config, String name, Object... options) {
        List<Object> arguments = new ArrayList<>(List.of("synthesize", config, "--layers", 3, "--seed", 7));
        arguments.addAll(List.of("--sequences", SEQUENCES, "--sequence-length", LENGTH, "--out", temp.resolve(name)));
        arguments.addAll(List.of(options));
        CommandRun.of(arguments.toArray()).expect(ExitCode.OK);
    }

    @Test
    void topUp_ofSkewedRouting_bringsEveryExpertToTheTarget_andSaysWhatItGot() {
        CommandRun routed = calibrate("routed", "calibration.min_tokens=64").expect(ExitCode.GATE);
        assertThat(routed.json().get("starved")).hasSize(STARVED);

        JsonNode result = calibrate("run", "calibration.experts=top_up", "calibration.min_tokens=64")
                .expect(ExitCode.OK)
                .json();

        assertThat(result.get("starved")).isEmpty();
        assertThat(result.get("topped_up")).isEqualTo(routed.json().get("starved"));
        assertThat(result.get("coverage").textValue())
                .isEqualTo("all 60 experts saw at least 64 token(s), 18 of them also such as were not sent there");
        assertThat(result.get("drawn").textValue())
                .isEqualTo("drew 24 of 24 sequences in 1 round(s): no more data; 18 experts below the target");

        JsonNode draws = Json.read(temp.resolve("run/manifest.json")).get("draws");
        assertThat(draws.get("topped_up"))
                .hasSize(STARVED)
                .allSatisfy(expert -> assertThat(expert.get("routed").longValue()
                                + expert.get("shown").longValue())
                        .isEqualTo(64));
        JsonNode stats = CommandRun.of("stats", temp.resolve("run"), "--json").json();
        assertThat(stats.get("draws")).isEqualTo(draws);
        int toppedUp = 0;
        for (JsonNode site : stats.get("sites")) {
            if (site.has("tokens_topped_up")) {
                assertThat(site.get("provenance").textValue()).isEqualTo("topped_up");
                toppedUp++;
            }
        }
        assertThat(toppedUp).isEqualTo(3 * STARVED); // gate, up and down
        assertThat(CommandRun.of("stats", temp.resolve("run")).out())
                .contains("tokens 12; 52 shown besides, amax ", "after 24 sequences, 1536 tokens: ", "stopped: data");

        CommandRun.of("export", temp.resolve("run"), "--out", temp.resolve("export"))
                .expect(ExitCode.OK);
        JsonNode scale = Json.read(temp.resolve("export/steelyard.json"))
                .get("scales")
                .get("model.layers.2.mlp.experts.19.down_proj.input_quantizer");
        assertThat(scale.get("provenance").textValue()).isEqualTo("topped_up");
        assertThat(scale.get("detail").textValue()).isEqualTo("12 token(s) routed, 52 with the nearest scores");
    }

    // What was drawn decides, not in how many rounds, and by how many workers.
    @Test
    void topUp_inAnyRoundsAndThreads_givesTheSameBytes() throws IOException {
        byte[] expected = topUp("one", "calibration.round_sequences=24");

        assertThat(topUp("five", "calibration.round_sequences=5")).isEqualTo(expected);
        assertThat(topUp("twelve", "calibration.round_sequences=12")).isEqualTo(expected);
        calibrate(temp.resolve("model"), "threads", List.of("--threads", 1), "calibration.experts=top_up")
                .expect(ExitCode.OK);
        assertThat(statistics("threads")).isEqualTo(expected);
    }

    @Test
    void topUp_brokenOffInTwoRounds_goesOnWithTheSameBytes() throws IOException {
        String[] settings = {"calibration.experts=top_up", "calibration.round_sequences=9"};
        byte[] expected = topUp("undisturbed", settings[1]);
        breakOff("layer 2/3", settings); // of the first round
        breakOff("layer 1/3", settings); // of the second: the first goes on with the third layer

        CommandRun changed = calibrate("run", settings[0], "calibration.round_sequences=8");
        assertThat(changed.expect(ExitCode.BAD_INPUT).err()).contains("round_sequences: 8 here, 9 in the run");

        ProgressWatcher watcher = new ProgressWatcher("layer", () -> {});
        CommandRun.watched(watcher, arguments(temp.resolve("model"), "run", List.of(), settings))
                .expect(ExitCode.OK);
        assertThat(watcher.text().toString().split("layer 3/3", -1)).hasSize(2 + 1); // the second round, and the third
        assertThat(statistics("run")).isEqualTo(expected);
    }

    @Test
    void draws_endOnceEveryExpertHasItsTokens() throws IOException {
        synthesise(Path.of("src/test/resources/cli/small-moe.json"), "even");
        String[] settings = {
            "calibration.experts=top_up", "calibration.target_tokens=150", "calibration.round_sequences=4"
        };
        calibrate(temp.resolve("even"), "run", List.of(), settings).expect(ExitCode.OK);

        JsonNode draws = Json.read(temp.resolve("run/manifest.json")).get("draws");
        assertThat(draws.get("stopped").textValue()).isEqualTo("reached");
        List<Integer> starved = new ArrayList<>();
        draws.get("starved").forEach(count -> starved.add(count.intValue()));
        assertThat(starved).hasSizeBetween(2, 6).last().isEqualTo(0);
        assertThat(starved.subList(0, starved.size() - 1)).allMatch(count -> count > 0);
        assertThat(draws.get("topped_up")).isEmpty();
    }

    // What time decided can be had again without it.
    @Test
    void draws_endWithTheBudget_asIfThereWereNoMoreData() throws IOException {
        byte[] late = topUp("late", "calibration.round_sequences=4", "calibration.budget.minutes=1e-9");
        byte[] tokens = topUp("tokens", "calibration.round_sequences=4", "calibration.budget.tokens=300");
        calibrate(
                        temp.resolve("model"),
                        "four",
                        List.of("--max-sequences", 4),
                        "calibration.experts=top_up",
                        "calibration.round_sequences=4")
                .expect(ExitCode.OK);

        assertThat(late).isEqualTo(statistics("four"));
        assertThat(tokens).isEqualTo(statistics("four"));
        assertThat(stopped("late")).isEqualTo("time");
        assertThat(stopped("tokens")).isEqualTo("tokens");
        assertThat(stopped("four")).isEqualTo("data");
        assertThat(Json.read(temp.resolve("late/manifest.json"))
                        .get("sequences")
                        .intValue())
                .isEqualTo(4);
    }

    @Test
    void draws_endOnceNoAmaxGrows_andTheCurveIsKept() throws IOException {
        synthesise(Path.of("src/test/resources/cli/small-moe.json"), "even");
        Path model = temp.resolve("even");
        String rounds = "calibration.round_sequences=3";
        calibrate(model, "loose", List.of(), rounds, "calibration.until_converged={growth: 1.5, share: 0.4}")
                .expect(ExitCode.OK);
        calibrate(model, "strict", List.of(), rounds, "calibration.until_converged={growth: 1, share: 0.4}")
                .expect(ExitCode.OK);

        assertThat(stopped("loose")).isEqualTo("reached");
        JsonNode curve = Json.read(temp.resolve("loose/manifest.json")).get("draws");
        int last = curve.get("sequences").size() - 1;
        assertThat(last).isBetween(1, 6);
        assertThat(curve.get("grown").get(last).intValue()).isZero();
        assertThat(curve.get("largest_growth").get(last).doubleValue()).isBetween(1.0, 1.5);
        assertThat(curve.get("since").get(last).intValue())
                .isLessThanOrEqualTo(curve.get("sequences").get(last).intValue() * 6 / 10);
        assertThat(stopped("strict")).isEqualTo("data");
    }

    @Test
    void drawing_thatCannotBe_isRefused() throws IOException {
        assertThat(calibrate("run", "calibration.experts=top_up", "calibration.budget.tokens=63")
                        .expect(ExitCode.USAGE)
                        .err())
                .contains("calibration.budget.tokens: 63 tokens are fewer than the first sequence's 64");
        CommandRun tooMany =
                calibrate(temp.resolve("model"), "run", List.of("--experts", "top_up"), "calibration.min_tokens=5000");
        assertThat(tooMany.expect(ExitCode.USAGE).err())
                .contains("calibration.min_tokens: expected at most 4096 with experts: top_up, found 5000");
        CommandRun unlimited = calibrate(
                temp.resolve("model"),
                "run",
                List.of("--experts", "routed"),
                "calibration.experts=top_up",
                "calibration.budget.tokens=300");
        assertThat(unlimited.expect(ExitCode.USAGE).err())
                .contains("--experts routed: the recipe's calibration.budget needs top_up");

        String config = Files.readString(temp.resolve("config.json"));
        Path dense = Files.writeString(
                temp.resolve("dense.json"),
                config.replace("\"mlp_only_layers\": []", "\"mlp_only_layers\": [0, 1, 2]"));
        synthesise(dense, "dense");
        assertThat(calibrate(temp.resolve("dense"), "run", List.of("--experts", "top_up"))
                        .expect(ExitCode.USAGE)
                        .err())
                .contains("experts: top_up: the model has no routed experts");
        assertThat(temp.resolve("run")).doesNotExist();
    }

    private String stopped(String run) {
        return Json.read(temp.resolve(run).resolve("manifest.json"))
                .get("draws")
                .get("stopped")
                .textValue();
    }

    private byte[] topUp(String run, String... settings) throws IOException {
        List<String> all = new ArrayList<>(List.of("calibration.experts=top_up"));
        all.addAll(List.of(settings));
        calibrate(run, all.toArray(String[]::new)).expect(ExitCode.OK);
        return statistics(run);
    }

    private byte[] statistics(String run) throws IOException {
        return Files.readAllBytes(temp.resolve(run).resolve("statistics.safetensors"));
    }

    private void breakOff(String layer, String... settings) {
        ProgressWatcher breaking = new ProgressWatcher(layer, () -> {
            throw new IllegalStateException("broken off");
        });
        CommandRun.watched(breaking, arguments(temp.resolve("model"), "run", List.of(), settings))
                .expect(ExitCode.INTERNAL);
    }

    private CommandRun calibrate(String run, String... settings) {
        return calibrate(temp.resolve("model"), run, List.of("--json"), settings);
    }

    private CommandRun calibrate(Path model, String run, List<Object> options, String... settings) {
        return CommandRun.of(arguments(model, run, options, settings));
    }

    private Object[] arguments(Path model, String run, List<Object> options, String... settings) {
        String recipe = model.endsWith("dense") ? "nvfp4" : "nvfp4-experts";
        List<Object> all = new ArrayList<>(List.of("calibrate", model, "--recipe", recipe, "--out", temp.resolve(run)));
        all.addAll(List.of("--data", model.resolve("tokens.jsonl")));
        all.addAll(options);
        for (String setting : settings) {
            all.addAll(List.of("--set", setting));
        }
        return all.toArray();
    }
}
