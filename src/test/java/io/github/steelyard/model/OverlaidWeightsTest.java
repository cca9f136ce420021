package io.github.steelyard.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.testing.SmallCheckpoint;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.Weights;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class OverlaidWeightsTest {

    private static final String GATE = "model.layers.0.mlp.gate";
    private static final String VALUES = "model.layers.1.self_attn.v_proj";

    private Checkpoint checkpoint;
    private Weights stored;
    private Decoder decoder;

    @BeforeEach
    void open(@TempDir Path temp) {
        checkpoint = Checkpoint.open(SmallCheckpoint.write("qwen3-30b-a3b", temp));
        stored = new CheckpointWeights(checkpoint);
        decoder = Families.of(checkpoint);
    }

    @AfterEach
    void close() {
        checkpoint.close();
    }

    @Test
    void replacement_isOfTheNamedModulesOnly_andTheTopmost() {
        StoredWeight low = weight(4, 64);
        StoredWeight high = weight(4, 64);
        StoredWeight values = weight(32, 64);
        Weights below = OverlaidWeights.of(stored, decoder, Map.of(GATE, low, VALUES, values));
        Weights weights = OverlaidWeights.of(below, decoder, Map.of(GATE, high));

        assertThat(weights.replacement(GATE)).containsSame(high);
        assertThat(weights.replacement(VALUES)).containsSame(values);
        assertThat(weights.replacement("model.layers.1.mlp.gate")).isEmpty();
        assertThat(weights.stored()).isEqualTo(stored);
        assertThat(weights.vector("model.norm.weight", 64)).isEqualTo(stored.vector("model.norm.weight", 64));
    }

    @Test
    void module_thatDoesNotExist_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> OverlaidWeights.of(
                        stored, decoder, Map.of(GATE, weight(4, 64), "model.layers.2.mlp.gate", weight(4, 64))))
                .withMessage("a weight for 'model.layers.2.mlp.gate': the model has no linear layer of this name");
    }

    // A module can carry quantizers, for a cache, and have no weight.
    @Test
    void module_withoutAWeight_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> OverlaidWeights.of(stored, decoder, Map.of("model.layers.0.self_attn", weight(4, 64))));
    }

    @Test
    void weight_ofOtherExtents_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> OverlaidWeights.of(stored, decoder, Map.of(VALUES, weight(64, 32))))
                .withMessage("a weight for '%s': wanted [32, 64], found [64, 32]", VALUES);
    }

    @Test
    void head_thatIsTheEmbedding_isRefused() {
        Decoder tied = new Decoder(
                decoder.family(),
                decoder.embedding(),
                decoder.vocabulary(),
                decoder.hidden(),
                decoder.layers(),
                decoder.norm(),
                decoder.head(),
                true,
                decoder.ignored());
        Map<String, StoredWeight> head = Map.of("lm_head", weight(160, 64));

        assertThatIllegalArgumentException()
                .isThrownBy(() -> OverlaidWeights.of(stored, tied, head))
                .withMessage("a weight for 'lm_head': it shares the embedding's and cannot be replaced apart");
        assertThat(OverlaidWeights.of(stored, decoder, head).replacement("lm_head"))
                .isPresent();
    }

    private static StoredWeight weight(int rows, int columns) {
        return PlainWeight.ofFloats(new float[rows * columns], rows, columns);
    }
}
