package io.github.steelyard.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.model.Linear;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.testing.ArchitectureReference;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.weights.CheckpointWeights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What the conformance checkpoints do not show by themselves: other spellings of their configs, other layouts of their
/// weights, sites that no reference has.
final class FamilyVariantsTest {

    @TempDir
    private Path directory;

    // The published configs of most models have `rope_theta` and `rope_scaling`, transformers 5 writes
    // `rope_parameters`.
    @ParameterizedTest
    @CsvSource({"llama", "gpt_oss", "deepseek_v3", "deepseek_v2_lite", "glm4_moe", "kimi_k2"})
    void oldRotaryKeys_giveTheSameBits(String family) throws IOException {
        Path original = Shared.path("conformance/architectures/" + family);
        String config = Files.readString(original.resolve("config.json"));
        assertThat(config).contains("\"rope_parameters\": {");
        String theta = config.replaceAll("(?s).*(\"rope_theta\": [0-9.]+).*", "$1");
        String old = config.replace("\"rope_parameters\": {", theta + ", \"rope_scaling\": {")
                .replace("\"rope_type\"", family.startsWith("deepseek") ? "\"type\"" : "\"rope_type\"");

        assertSameBits(original, old);
    }

    @ParameterizedTest
    @CsvSource({
        "nemotron_h, '\"hybrid_override_pattern\": \"ME*M-E\"',"
                + " '\"layers_block_type\": [\"mamba\", \"moe\", \"attention\", \"mamba\", \"mlp\", \"moe\"]'",
        "nemotron_h, '\"hybrid_override_pattern\": \"ME*M-E\"', '\"layer_types\": [\"linear_attention\", \"moe\","
                + " \"full_attention\", \"linear_attention\", \"mlp\", \"moe\"]'",
        "nemotron_h, '\"num_hidden_layers\": 6,', ''",
        "nemotron_h, '\"use_conv_bias\": true', '\"time_step_limit\": [0.0, {\"__float__\": \"Infinity\"}],"
                + " \"use_conv_bias\": true'",
        "nemotron_h, '\"use_conv_bias\": true', '\"time_step_limit\": [0.0, Infinity], \"use_conv_bias\": true'",
        "qwen3_moe, '\"num_experts\": 8', '\"num_local_experts\": 8'",
        "llama4_text, '\"attn_temperature_tuning\": true', '\"attn_temperature_tuning\": 4'"
    })
    void otherSpellings_giveTheSameBits(String family, String text, String replacement) throws IOException {
        Path original = Shared.path("conformance/architectures/" + family);
        String config = Files.readString(original.resolve("config.json"));
        assertThat(config).contains(text);

        assertSameBits(original, config.replace(text, replacement));
    }

    // The keys by which transformers finds the mixers when the lists are absent.
    @ParameterizedTest
    @CsvSource({"qwen3_5_moe", "llama4_text", "gpt_oss"})
    void withoutListOfLayers_theRuleGivesTheSame(String family) throws IOException {
        Path original = Shared.path("conformance/architectures/" + family);
        String config = Files.readString(original.resolve("config.json"))
                .replaceAll("\"(layer_types|moe_layers|no_rope_layers)\": \\[[^\\]]*\\],", "");

        assertSameBits(original, config);
    }

    // transformers may give each type of layer its own rotary parameters.
    @Test
    void rotaryParametersByLayerType_areThoseOfEachType() throws IOException {
        Path original = Shared.path("conformance/architectures/gpt_oss");
        String config = Files.readString(original.resolve("config.json"));
        String parameters = config.replaceAll("(?s).*\"rope_parameters\": (\\{[^}]*\\}).*", "$1");
        String nested = "{\"full_attention\": %s, \"sliding_attention\": %s}";
        List<int[]> prompts = ArchitectureReference.read(original).prompts();
        String other = parameters.replaceAll("\"rope_theta\": [0-9.]+", "\"rope_theta\": 500.0");

        assertSameBits(original, config.replace(parameters, nested.formatted(parameters, parameters)));
        ForwardRun expected = ForwardRun.of(original, prompts, ForwardRun.Options.fastest());
        ForwardRun sliding = run(original, config.replace(parameters, nested.formatted(parameters, other)), prompts);

        assertThat(layer(sliding, 0)).isNotEqualTo(layer(expected, 0));
        ForwardRun full = run(original, config.replace(parameters, nested.formatted(other, parameters)), prompts);
        assertThat(layer(full, 0)).isEqualTo(layer(expected, 0));
        assertThat(layer(full, 1)).isNotEqualTo(layer(expected, 1));
    }

    private static float[] layer(ForwardRun run, int layer) {
        return run.layers().getLast().get(layer);
    }

    // The mask follows layer_types, the rotation no_rope_layers.
    @Test
    void llama4LayerTypes_decideTheMaskAlone() throws IOException {
        Path original = Shared.path("conformance/architectures/llama4_text");
        String config = Files.readString(original.resolve("config.json"));
        List<int[]> prompts = ArchitectureReference.read(original).prompts();
        String types = "\"layer_types\": [\"full_attention\", \"full_attention\", \"full_attention\","
                + " \"full_attention\"]";
        String full = config.replaceAll("\"layer_types\": \\[[^\\]]*\\]", types);
        String unchunked = config.replaceAll("\"layer_types\": \\[[^\\]]*\\],", "")
                .replaceAll("\"attention_chunk_size\": [0-9]+", "\"attention_chunk_size\": null");

        ForwardRun byTypes =
                run(original, full.contains(types) ? full : config.replaceFirst("\\{", "{" + types + ","), prompts);
        ForwardRun byChunk = run(original, unchunked, prompts);

        assertThat(byTypes.logits().getLast()).isEqualTo(byChunk.logits().getLast());
        assertThat(byTypes.logits().getLast())
                .isNotEqualTo(ForwardRun.of(original, prompts, ForwardRun.Options.fastest())
                        .logits()
                        .getLast());
    }

    // Published clamp: Δ is bounded by time_step_limit alone. transformers 5 also bounds it by time_step_min.
    @Test
    void timeStepLimit_bounds_timeStepMinDoesNot() throws IOException {
        Path original = Shared.path("conformance/architectures/nemotron_h_latent");
        String config = Files.readString(original.resolve("config.json"));
        List<int[]> prompts = ArchitectureReference.read(original).prompts();
        ForwardRun expected = ForwardRun.of(original, prompts, ForwardRun.Options.fastest());

        ForwardRun otherMin =
                run(original, config.replace("\"time_step_min\": 0.001", "\"time_step_min\": 0.5"), prompts);
        ForwardRun limited = run(
                original,
                config.replace("\"use_conv_bias\"", "\"time_step_limit\": [0.001, 1e9], \"use_conv_bias\""),
                prompts);

        assertThat(otherMin.logits().getLast()).isEqualTo(expected.logits().getLast());
        assertThat(largestDifference(limited, expected)).isCloseTo(1.79, within(0.05));
    }

    // A peer cuts gpt-oss's interleaved rows into halves: its `gate_proj` differs from the true gate by 1.38,
    // relatively.
    @Test
    void fusedGateAndUp_areInterleavedRowsInEveryLayout() {
        Path original = Shared.path("conformance/architectures/gpt_oss");
        float[] gate = weight(original, "model.layers.0.mlp.experts.1.gate_proj");
        float[] up = weight(original, "model.layers.0.mlp.experts.1.up_proj");

        for (String name : List.of("gate_proj", "up_proj")) {
            String module = "model.layers.0.mlp.experts.1." + name;
            float[] expected = name.equals("gate_proj") ? gate : up;
            float[] other = name.equals("gate_proj") ? up : gate;
            assertThat(relativeError(weight(original.resolve("mxfp4"), module), expected))
                    .isZero();
            for (String export : List.of("gpt_oss.fp8_default-kv_fp8", "gpt_oss.nvfp4_experts_only-kv_fp8")) {
                float[] found = weight(Shared.path("conformance/golden/modelopt-families/" + export + "/ckpt"), module);
                assertThat(relativeError(found, expected)).as(export).isLessThan(0.12);
                assertThat(relativeError(found, other)).as(export).isGreaterThan(1);
            }
        }
    }

    // What a server caches instead of keys and values is at least as wide as what the next projection reads.
    @Test
    void latentAttention_showsBothCaches() {
        Path original = Shared.path("conformance/architectures/deepseek_v3");
        ArchitectureReference reference = ArchitectureReference.read(original);
        ForwardRun run = ForwardRun.of(original, reference.prompts(), ForwardRun.Options.reference());

        for (int layer = 0; layer < 3; layer++) {
            String name = "model.layers.%d.self_attn".formatted(layer);
            double latent = amax(run, name, Role.LATENT);
            assertThat(latent).isCloseTo(reference.inputAmax().get(name + ".kv_b_proj"), within(1e-4 * latent));
            assertThat(amax(run, name, Role.KEY)).isGreaterThanOrEqualTo(amax(run, name, Role.ROTATED_KEY));
            assertThat(amax(run, name, Role.ROTATED_KEY)).isPositive();
            assertThat(amax(run, name, Role.VALUE)).isPositive();
        }
    }

    private static double amax(ForwardRun run, String module, Role role) {
        return run.statistics().at(new Site(module, role)).orElseThrow().amax();
    }

    private void assertSameBits(Path original, String config) throws IOException {
        List<int[]> prompts = ArchitectureReference.read(original).prompts();
        ForwardRun expected = ForwardRun.of(original, prompts, ForwardRun.Options.fastest());

        assertThat(config).isNotEqualTo(Files.readString(original.resolve("config.json")));
        ForwardRun run = run(original, config, prompts);

        for (int prompt = 0; prompt < prompts.size(); prompt++) {
            assertThat(run.logits().get(prompt)).isEqualTo(expected.logits().get(prompt));
        }
        assertThat(run.statistics()).isEqualTo(expected.statistics());
    }

    private ForwardRun run(Path original, String config, List<int[]> prompts) throws IOException {
        Path weights = directory.resolve("model.safetensors");
        if (!Files.exists(weights)) {
            Files.copy(original.resolve("model.safetensors"), weights);
        }
        Files.writeString(directory.resolve("config.json"), config);
        return ForwardRun.of(directory, prompts, ForwardRun.Options.fastest());
    }

    private static float[] weight(Path directory, String module) {
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            Linear linear = Families.of(checkpoint).linears().stream()
                    .filter(candidate -> candidate.info().name().equals(module))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("no module " + module));
            float[] values = new float[linear.info().rows() * linear.info().columns()];
            linear.open(new CheckpointWeights(checkpoint))
                    .decodeRows(0, linear.info().rows(), values, 0);
            return values;
        }
    }

    private static double relativeError(float[] found, float[] expected) {
        double error = 0;
        double size = 0;
        for (int i = 0; i < expected.length; i++) {
            error += Math.pow(found[i] - expected[i], 2);
            size += Math.pow(expected[i], 2);
        }
        return Math.sqrt(error / size);
    }

    private static double largestDifference(ForwardRun run, ForwardRun expected) {
        double largest = 0;
        for (int prompt = 0; prompt < expected.logits().size(); prompt++) {
            for (int i = 0; i < expected.logits().get(prompt).length; i++) {
                largest = Math.max(
                        largest,
                        Math.abs(run.logits().get(prompt)[i] - expected.logits().get(prompt)[i]));
            }
        }
        return largest;
    }
}
