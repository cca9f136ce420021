package io.github.steelyard.family;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.model.OverlaidWeights;
import io.github.steelyard.testing.SmallCheckpoint;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A pass over overlaid weights is a pass over a checkpoint that stores them.
final class OverlaidPassTest {

    private static final List<int[]> PROMPTS = List.of(new int[] {1, 7, 3, 99, 42, 8}, new int[] {5, 5, 120});

    @TempDir
    private Path temp;

    @ParameterizedTest
    @CsvSource({
        "qwen3-30b-a3b, self_attn.k_proj|mlp.gate|mlp.experts.1.up_proj|mlp.experts.2.down_proj",
        "llama-4-scout, self_attn.o_proj|feed_forward.experts.1.gate_proj|feed_forward.experts.1.up_proj"
                + "|feed_forward.shared_expert.down_proj",
        "gpt-oss-20b, mlp.experts.0.gate_proj|mlp.experts.0.up_proj|mlp.experts.3.down_proj"
    })
    void pass_overOverlaidWeights_isThatOfACheckpointWithThem(String model, String modules) {
        Path original = SmallCheckpoint.write(model, temp);
        Set<String> replaced = SmallCheckpoint.inLastLayer(original, modules.split("\\|"));
        Path altered = SmallCheckpoint.altered(original, temp.resolve("altered"), replaced);
        ForwardRun.Options options = ForwardRun.Options.fastest();
        ForwardRun expected = ForwardRun.of(altered, PROMPTS, options);
        ForwardRun before = ForwardRun.of(original, PROMPTS, options);

        try (Checkpoint other = Checkpoint.open(altered)) {
            ForwardRun overlaid = ForwardRun.of(
                    original,
                    PROMPTS,
                    options,
                    (weights, decoder) ->
                            OverlaidWeights.of(weights, decoder, SmallCheckpoint.weights(other, replaced)));

            for (int prompt = 0; prompt < PROMPTS.size(); prompt++) {
                assertThat(overlaid.logits().get(prompt))
                        .isEqualTo(expected.logits().get(prompt))
                        .isNotEqualTo(before.logits().get(prompt));
            }
            assertThat(overlaid.statistics()).isEqualTo(expected.statistics());
        }
    }

    @Test
    void pass_overAHalfOfAMatrixThatWasPutTogether_isThatOfACheckpointWithIt() {
        Path original = SmallCheckpoint.write("qwen3-30b-a3b", temp);
        Path resaved = SmallCheckpoint.resaved(original, temp.resolve("resaved"));
        Set<String> replaced = SmallCheckpoint.inLastLayer(original, "mlp.experts.1.up_proj");
        Path altered = SmallCheckpoint.altered(original, temp.resolve("altered"), replaced);
        ForwardRun.Options options = ForwardRun.Options.fastest();

        try (Checkpoint other = Checkpoint.open(altered)) {
            ForwardRun overlaid = ForwardRun.of(
                    resaved,
                    PROMPTS,
                    options,
                    (weights, decoder) ->
                            OverlaidWeights.of(weights, decoder, SmallCheckpoint.weights(other, replaced)));

            assertThat(overlaid.statistics())
                    .isEqualTo(ForwardRun.of(altered, PROMPTS, options).statistics())
                    .isNotEqualTo(ForwardRun.of(original, PROMPTS, options).statistics());
        }
    }

    // The head runs in panels of its own.
    @Test
    void pass_overAnOverlaidHead_isThatOfACheckpointWithIt() {
        Path original = SmallCheckpoint.write("qwen3-30b-a3b", temp);
        Path altered = SmallCheckpoint.altered(original, temp.resolve("altered"), Set.of("lm_head"));
        ForwardRun.Options options = ForwardRun.Options.reference();

        try (Checkpoint other = Checkpoint.open(altered)) {
            ForwardRun overlaid = ForwardRun.of(
                    original,
                    PROMPTS,
                    options,
                    (weights, decoder) ->
                            OverlaidWeights.of(weights, decoder, SmallCheckpoint.weights(other, Set.of("lm_head"))));

            assertThat(overlaid.logits().getFirst())
                    .isEqualTo(ForwardRun.of(altered, PROMPTS, options).logits().getFirst())
                    .isNotEqualTo(
                            ForwardRun.of(original, PROMPTS, options).logits().getFirst());
        }
    }
}
