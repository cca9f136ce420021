package io.github.steelyard.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;

/// How servers match these is in `TargetNames`.
final class TargetNamesTest {

    private static final String OF_EXPERTS = "(gate_proj|up_proj|down_proj|w1|w2|w3)$";

    @Test
    void targets_oneAlgorithm_isTheClass() {
        assertThat(TargetNames.targets(layers(
                        "model.layers.0.mlp.up_proj", QuantAlgo.FP8, "model.layers.1.mlp.up_proj", QuantAlgo.FP8)))
                .containsOnlyKeys(QuantAlgo.FP8)
                .containsEntry(QuantAlgo.FP8, List.of("Linear"));
    }

    // A class does not reach the head.
    @Test
    void targets_oneAlgorithmWithTheHead_areExpressions() {
        assertThat(TargetNames.targets(layers("model.layers.0.mlp.up_proj", QuantAlgo.FP8, "lm_head", QuantAlgo.FP8)))
                .containsEntry(QuantAlgo.FP8, List.of("re:.*layers\\.\\d+\\.mlp\\.up_proj$", "re:.*lm_head$"));
    }

    // Of these, the ones that begin with the root of the model would never match: servers rename it.
    @Test
    void targets_severalAlgorithms_expertsFirstAndEveryLayerWhereAllAgree() {
        SequencedMap<QuantAlgo, List<String>> targets = TargetNames.targets(layers(
                "backbone.layers.0.mixer.q_proj", QuantAlgo.FP8,
                "backbone.layers.0.mixer.k_proj", QuantAlgo.FP8,
                "backbone.layers.1.mixer.experts.0.up_proj", QuantAlgo.NVFP4,
                "backbone.layers.1.mixer.experts.11.down_proj", QuantAlgo.NVFP4,
                "backbone.layers.1.mixer.shared_experts.up_proj", QuantAlgo.FP8));

        assertThat(targets.sequencedKeySet()).containsExactly(QuantAlgo.NVFP4, QuantAlgo.FP8);
        assertThat(targets.get(QuantAlgo.NVFP4))
                .containsExactly("re:.*layers\\.\\d+\\.mixer\\.experts\\.\\d+\\." + OF_EXPERTS);
        assertThat(targets.get(QuantAlgo.FP8))
                .containsExactly(
                        "re:.*layers\\.\\d+\\.mixer\\.(k_proj|q_proj)$",
                        "re:.*layers\\.\\d+\\.mixer\\.shared_experts\\.up_proj$");
    }

    @Test
    void targets_layersThatDiffer_areNumbered() {
        SequencedMap<QuantAlgo, List<String>> targets = TargetNames.targets(layers(
                "model.layers.1.mlp.up_proj", QuantAlgo.FP8,
                "model.layers.10.mlp.up_proj", QuantAlgo.FP8,
                "model.layers.2.mlp.up_proj", QuantAlgo.NVFP4));

        assertThat(targets.get(QuantAlgo.FP8)).containsExactly("re:.*layers\\.(1|10)\\.mlp\\.up_proj$");
        assertThat(targets.get(QuantAlgo.NVFP4)).containsExactly("re:.*layers\\.2\\.mlp\\.up_proj$");
    }

    // One expression cannot tell the two.
    @Test
    void targets_samePlaceUnderTwoRoots_areNames() {
        SequencedMap<QuantAlgo, List<String>> targets = TargetNames.targets(
                layers("model.layers.0.mlp.up_proj", QuantAlgo.FP8, "mtp.layers.0.mlp.up_proj", QuantAlgo.NVFP4));

        assertThat(targets.get(QuantAlgo.FP8)).containsExactly("model.layers.0.mlp.up_proj");
        assertThat(targets.get(QuantAlgo.NVFP4)).containsExactly("mtp.layers.0.mlp.up_proj");
    }

    @Test
    void ignored_names_areWrittenOut_butOfExpertsOneExpressionForEachLayer() {
        assertThat(TargetNames.ignored(
                        List.of(
                                "model.layers.3.mlp.experts.0.w1",
                                "model.layers.3.mlp.experts.1.w2",
                                "model.layers.3.mlp.gate",
                                "lm_head"),
                        List.of("model.layers.13.mlp.experts.0.w1")))
                .containsExactly(
                        "lm_head", "model.layers.3.mlp.gate", "re:.*layers\\.3\\.mlp\\.experts\\.\\d+\\." + OF_EXPERTS);
    }

    // Readers that know the model by its own class rename these roots in tensors, and not in this list.
    @Test
    void ignored_underAnotherRoot_areExpressionsUnlessTheseWouldHitQuantisedModules() {
        assertThat(TargetNames.ignored(
                        List.of(
                                "backbone.layers.1.mixer.gate",
                                "backbone.layers.2.mixer.q_proj",
                                "language_model.lm_head",
                                "language_model.model.layers.1.feed_forward.router",
                                "mtp.layers.0.mlp.up_proj",
                                "visual.merger.linear"),
                        List.of("model.layers.0.mlp.up_proj")))
                .containsExactly(
                        "backbone.layers.1.mixer.gate",
                        "mtp.layers.0.mlp.up_proj",
                        "re:.*layers\\.1\\.feed_forward\\.router$",
                        "re:.*layers\\.2\\.mixer\\.q_proj$",
                        "re:.*lm_head$",
                        "visual.merger.linear");
    }

    @Test
    void ignored_expertsWhoseExpressionWouldHitOthers_areNames() {
        assertThat(TargetNames.ignored(
                        List.of("mtp.layers.0.mlp.experts.0.up_proj"), List.of("model.layers.0.mlp.experts.0.up_proj")))
                .containsExactly("mtp.layers.0.mlp.experts.0.up_proj");
    }

    private static SequencedMap<String, QuantAlgo> layers(Object... pairs) {
        SequencedMap<String, QuantAlgo> layers = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            layers.put((String) pairs[i], (QuantAlgo) pairs[i + 1]);
        }
        return layers;
    }
}
