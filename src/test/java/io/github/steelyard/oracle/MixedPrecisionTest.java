package io.github.steelyard.oracle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;

final class MixedPrecisionTest {

    private static SequencedMap<String, String> layers(String... pairs) {
        SequencedMap<String, String> layers = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            layers.put(pairs[i], pairs[i + 1]);
        }
        return layers;
    }

    private static MixedPrecision strict(SequencedMap<String, String> layers) {
        return new MixedPrecision(layers, Map.of("qkv_proj", List.of("q_proj", "k_proj", "v_proj")), true);
    }

    @Test
    void algorithm_lowerCaseEntry_isUpperCased() {
        assertThat(strict(layers("model.layers.0.mlp.down_proj", "nvfp4")).algorithm("model.layers.0.mlp.down_proj"))
                .contains("NVFP4");
    }

    @Test
    void algorithm_languageModelPrefixes_areInterchangeable() {
        MixedPrecision mixed = strict(layers("model.language_model.layers.0.mlp.down_proj", "FP8"));

        assertThat(mixed.algorithm("language_model.model.layers.0.mlp.down_proj"))
                .contains("FP8");
        assertThat(strict(layers("lm_head", "NVFP4")).algorithm("language_model.lm_head"))
                .contains("NVFP4");
    }

    @Test
    void algorithm_experts_areFoundBelow() {
        MixedPrecision mixed = strict(
                layers("model.layers.0.self_attn.q_proj", "FP8", "model.layers.0.mlp.experts.7.gate_proj", "NVFP4"));

        assertThat(mixed.algorithm("model.layers.0.mlp.experts")).contains("NVFP4");
        assertThat(mixed.algorithm("model.layers.1.mlp.experts")).isEmpty();
    }

    @Test
    void algorithm_expertsListedBesideTheRouter_areFoundUnderTheParent() {
        assertThat(strict(layers("model.layers.0.moe.gate_proj", "FP8")).algorithm("model.layers.0.moe.experts"))
                .contains("FP8");
    }

    // The engine takes the first entry and says nothing; we refuse.
    @Test
    void algorithm_expertsThatDisagree_areRefusedUnlessStrict() {
        SequencedMap<String, String> layers = layers(
                "model.layers.0.mlp.experts.0.gate_proj", "NVFP4", "model.layers.0.mlp.experts.0.down_proj", "FP8");

        assertThat(strict(layers).algorithm("model.layers.0.mlp.experts")).contains("NVFP4");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new MixedPrecision(layers, Map.of(), false).algorithm("model.layers.0.mlp.experts"))
                .withMessage("Mixed quant_algo within fused layer model.layers.0.mlp.experts: ['NVFP4', 'FP8']. All"
                        + " shards must use the same quantization.");
    }

    @Test
    void algorithm_fusionThatDisagrees_isRefused() {
        MixedPrecision declared = strict(layers("a.q_proj", "FP8", "a.k_proj", "NVFP4"));
        MixedPrecision inferred = strict(layers("a.gate_proj", "FP8", "a.up_proj", "NVFP4"));

        assertThatIllegalArgumentException()
                .isThrownBy(() -> declared.algorithm("a.qkv_proj"))
                .withMessageStartingWith("Mixed quant_algo within fused layer a.qkv_proj: ['FP8', 'NVFP4']");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> inferred.algorithm("a.gate_up_proj"))
                .withMessageStartingWith("Mixed quant_algo within fused layer a.gate_up_proj");
    }

    @Test
    void mixedPrecision_noLayers_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> strict(layers()))
                .withMessage("quantized_layers: expected at least one layer, found none");
    }
}
