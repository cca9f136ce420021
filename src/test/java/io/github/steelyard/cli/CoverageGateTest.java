package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Json;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Sixteen tokens leave 18 of the tiny model's 64 experts without any; the reference says which.
final class CoverageGateTest {

    private static final String POLICY = "starved_experts: fail";

    private static final List<String> STARVED = IntStream.range(0, 4)
            .boxed()
            .flatMap(layer -> List.of(
                            List.of(13, 14),
                            List.of(3, 4, 5, 7, 8, 10, 12, 13),
                            List.of(0, 3, 4, 5, 13),
                            List.of(2, 6, 13))
                    .get(layer)
                    .stream()
                    .map(expert -> "model.layers.%d.mlp.experts.%d".formatted(layer, expert)))
            .toList();

    @TempDir
    private Path temp;

    @Test
    void starvedExperts_byDefault_failTheRunWithTheList() {
        Path run = temp.resolve("run");
        CommandRun calibrated =
                calibrate(run, CommandRun.recipe("nvfp4-experts"), "--json").expect(ExitCode.GATE);

        assertThat(calibrated.json().get("passed").booleanValue()).isFalse();
        assertThat(calibrated.json().get("starved"))
                .extracting(JsonNode::textValue)
                .containsExactlyElementsOf(STARVED);
        assertThat(calibrated.err())
                .contains("error: 18 of 64 experts saw fewer than 1 token(s): " + STARVED.getFirst() + " (0), ")
                .contains(" and 8 more; all of them in ");
        assertThat(run.resolve("starved-experts.txt"))
                .content()
                .isEqualTo(STARVED.stream().map(expert -> expert + " 0\n").collect(Collectors.joining()));
        assertThat(calibrated.err())
                .contains("error: 18 starved experts; give more text, lower calibration.min_tokens, or set"
                        + " calibration.starved_experts to layer_max or all_tokens");

        JsonNode unseen = stats(run).get("model.layers.1.mlp.experts.7.down_proj.input_quantizer");
        assertThat(unseen.get("amax").isNull()).isTrue();
        assertThat(unseen.get("provenance").textValue()).isEqualTo("unmeasured");

        CommandRun exported =
                CommandRun.of("export", run, "--out", temp.resolve("export")).expect(ExitCode.GATE);
        assertThat(exported.err()).contains("model.layers.0.mlp.experts.13.down_proj.input_quantizer saw 0 of 1");
        assertThat(temp.resolve("export")).doesNotExist();
    }

    @Test
    void layerMax_givesStarvedExpertsTheLayersMaximum() {
        Path run = temp.resolve("run");
        CommandRun calibrated =
                calibrate(run, recipe(POLICY, "starved_experts: layer_max")).expect(ExitCode.OK);
        assertThat(calibrated.err())
                .contains("warning: 18 of 64 experts saw fewer than 1 token(s): model.layers.0.mlp.experts.13 (0)");

        Map<String, JsonNode> stats = stats(run);
        for (String projection : List.of("gate_proj", "up_proj", "down_proj")) {
            for (String expert : STARVED) {
                JsonNode site = stats.get("%s.%s.input_quantizer".formatted(expert, projection));
                assertThat(site.get("provenance").textValue()).isEqualTo("imputed");
                assertThat(site.get("amax").floatValue()).isEqualTo(measuredMaximum(stats, expert, projection));
                assertThat(site.get("amax_measured").isNull()).isTrue();
                assertThat(site.get("scale_from").textValue()).endsWith(projection + ".input_quantizer");
            }
        }
        assertThat(stats.get("model.layers.0.mlp.experts.0.down_proj.input_quantizer")
                        .get("provenance")
                        .textValue())
                .isEqualTo("measured");
    }

    // The peer writes uninitialised memory for such experts.
    @Test
    void layerMax_exportsFiniteScalesWithTheirProvenance() {
        Path run = temp.resolve("run");
        Path export = temp.resolve("export");
        calibrate(run, recipe(POLICY, "starved_experts: layer_max")).expect(ExitCode.OK);
        CommandRun.of("export", run, "--out", export).expect(ExitCode.OK);
        CommandRun.of("verify", export, "--source", CommandRun.model("bf16")).expect(ExitCode.OK);

        JsonNode scales = Json.read(export.resolve("steelyard.json")).get("scales");
        JsonNode unseen = scales.get("model.layers.1.mlp.experts.7.down_proj.input_quantizer");
        assertThat(unseen.get("provenance").textValue()).isEqualTo("imputed");
        assertThat(unseen.get("detail").textValue()).isEqualTo("0 of 1 token(s), layer maximum");
        assertThat(scales.get("model.layers.1.mlp.experts.0.down_proj.input_quantizer")
                        .get("provenance")
                        .textValue())
                .isEqualTo("measured");
    }

    @Test
    void allTokens_neverExceedsTheLayersMaximum() {
        Path run = temp.resolve("run");
        String recipe = recipe(POLICY, "starved_experts: all_tokens", "experts: routed", "experts: all");
        calibrate(run, recipe).expect(ExitCode.OK);

        Map<String, JsonNode> stats = stats(run);
        for (String expert : STARVED) {
            JsonNode site = stats.get(expert + ".down_proj.input_quantizer");
            float maximum = measuredMaximum(stats, expert, "down_proj");
            float all = site.get("amax_all_tokens").floatValue();
            assertThat(site.get("provenance").textValue()).isEqualTo("imputed");
            assertThat(site.get("amax").floatValue()).isEqualTo(Math.min(all, maximum));
        }
    }

    @Test
    void allTokens_withoutMeasuringThem_isRefusedAtOnce() {
        CommandRun fromRecipe = calibrate(temp.resolve("run"), recipe(POLICY, "starved_experts: all_tokens"))
                .expect(ExitCode.BAD_INPUT);
        assertThat(fromRecipe.err()).contains("needs calibration.experts: all, found routed");

        String recipe = recipe(POLICY, "starved_experts: all_tokens", "experts: routed", "experts: all");
        CommandRun fromOption =
                calibrate(temp.resolve("run"), recipe, "--experts", "routed").expect(ExitCode.USAGE);
        assertThat(fromOption.err()).contains("--experts routed", "all_tokens needs all");
        assertThat(temp.resolve("run")).doesNotExist();
    }

    @Test
    void minTokens_isTheRecipes() {
        String recipe = recipe("min_tokens: 1", "min_tokens: 40");
        CommandRun run = CommandRun.calibrate(temp.resolve("run"), recipe).expect(ExitCode.GATE);

        assertThat(run.err())
                .contains(
                        "2 of 64 experts saw fewer than 40 token(s): model.layers.2.mlp.experts.0 (30)",
                        "model.layers.2.mlp.experts.8 (33)",
                        "error: 2 starved experts")
                .doesNotContain("saw 42 tokens");
    }

    private static float measuredMaximum(Map<String, JsonNode> stats, String expert, String projection) {
        String layer = expert.substring(0, expert.lastIndexOf('.') + 1);
        float maximum = 0;
        for (int i = 0; i < 16; i++) {
            JsonNode own = stats.get("%s%d.%s.input_quantizer".formatted(layer, i, projection))
                    .get("amax_measured");
            maximum = Math.max(maximum, own.isNull() ? 0 : own.floatValue());
        }
        return maximum;
    }

    private static Map<String, JsonNode> stats(Path run) {
        Map<String, JsonNode> sites = new HashMap<>();
        CommandRun.of("stats", run, "--json")
                .expect(ExitCode.OK)
                .json()
                .get("sites")
                .forEach(site -> sites.put(site.get("site").textValue(), site));
        return sites;
    }

    /// Returns a recipe with replacements, each a text and what takes its place.
    private String recipe(String... replacements) {
        return CommandRun.alteredRecipe(temp.resolve("recipe.yaml"), "nvfp4-experts", replacements);
    }

    private static CommandRun calibrate(Path run, String recipe, Object... options) {
        List<Object> all = new ArrayList<>(List.of("--max-sequences", 1, "--sequence-length", 16));
        all.addAll(List.of(options));
        return CommandRun.calibrate(run, recipe, all.toArray());
    }
}
