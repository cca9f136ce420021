package io.github.steelyard.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.model.MemoryPlan.Purpose;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.testing.PublishedConfig;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The memory of passes over Qwen3-30B-A3B, against sums over its published shapes.
final class MemoryPlanTest {

    private static final long HIDDEN = 2048;
    private static final long TOKENS = 10_000;

    // q, k, v and o, which all workers share.
    private static final long ATTENTION_WEIGHTS = HIDDEN * (4096 + 512 + 512 + 4096);

    private static final long EXPERT = 3 * 768 * HIDDEN;

    // A tile of 512 rows on its way through an expert with a row of the sum, and the outputs of 3 tiles.
    private static final long TILES = 512 * (HIDDEN + 2 * 768 + 768) + HIDDEN + 3 * 512 * HIDDEN;

    // Of each token: the rows before and after the norm and the result, inputs and twice the outputs of q, k, v and o,
    // and the scores of 64 queries.
    private static final long ATTENTION_PER_TOKEN =
            3 * HIDDEN + (2 * 4096 + HIDDEN) + 2 * (2 * 512 + HIDDEN) + (2 * HIDDEN + 4096) + 64;

    @TempDir
    private Path directory;

    private Decoder decoder;

    @BeforeEach
    void readConfig() {
        decoder = PublishedConfig.decoder("qwen3-30b-a3b", directory);
    }

    @Test
    void bytes_ofOneMoreWorker_areTheLargestOfWhatItWorksOn() {
        MemoryPlan shortOnes = plan(128, TOKENS, Purpose.CALIBRATION);
        MemoryPlan longOnes = plan(4096, TOKENS, Purpose.CALIBRATION);

        assertThat(shortOnes.bytes(2) - shortOnes.bytes(1)).isEqualTo(4 * (EXPERT + TILES));
        assertThat(shortOnes.bytes(9) - shortOnes.bytes(1)).isEqualTo(8 * 4 * (EXPERT + TILES));
        assertThat(longOnes.bytes(2) - longOnes.bytes(1)).isEqualTo(4 * 4096 * ATTENTION_PER_TOKEN);
    }

    // 1 million tokens are 128 tiles for each expert: few of them keep 64 workers at work.
    @Test
    void bytes_ofManyTokens_holdFewPackedExperts() {
        MemoryPlan plan = plan(128, 1 << 20, Purpose.CALIBRATION);

        assertThat(plan.bytes(64) - plan.bytes(1)).isEqualTo(4 * (63 * TILES + EXPERT));
    }

    @Test
    void bytes_ofOneMoreToken_areItsIdAndItsRoutes() {
        assertThat(plan(512, TOKENS + 1, Purpose.CALIBRATION).bytes(2)
                        - plan(512, TOKENS, Purpose.CALIBRATION).bytes(2))
                .isEqualTo(8 + 16 * 8);
    }

    @Test
    void bytes_holdTheLargestLayerOnce() {
        long without = plan(128, TOKENS, Purpose.CALIBRATION).bytes(1) - 4 * (EXPERT + TILES) - TOKENS * (8 + 16 * 8);
        long metadata = 1000L * 18_867 + 1500L * decoder.linears().size();

        assertThat(without).isEqualTo((110L << 20) + metadata + 4 * ATTENTION_WEIGHTS);
    }

    @Test
    void bytes_ofAnEvaluation_addRowsAndDecodedWeights() {
        long calibration = plan(512, TOKENS, Purpose.CALIBRATION_WITH_HEAD).bytes(3);

        assertThat(plan(512, TOKENS, Purpose.EVALUATION).bytes(3) - calibration)
                .isEqualTo(4 * (3 * TOKENS * HIDDEN + 3 * 2 * 4096 * HIDDEN));
    }

    @Test
    void bytes_ofAComparison_addAStreamAndWhatIsKeptOfTheOther() {
        long evaluation = plan(512, TOKENS, Purpose.EVALUATION).bytes(3);
        long rows = TOKENS * (HIDDEN + 20L);

        assertThat(plan(512, TOKENS, Purpose.COMPARISON).bytes(3) - evaluation)
                .isEqualTo(4 * (rows + MemoryPlan.COMPARED_AT_ONCE));
        assertThat(plan(512, TOKENS, Purpose.COMPARISON_BY_LAYERS).bytes(3) - evaluation)
                .isEqualTo(4 * (rows + MemoryPlan.COMPARED_AT_ONCE));
        assertThat(plan(1, 1, Purpose.COMPARISON).bytes(1)
                        - plan(1, 1, Purpose.EVALUATION).bytes(1))
                .isEqualTo(4 * (HIDDEN + 20L + decoder.vocabulary()));
    }

    @Test
    void bytes_ofAnAdapterOfTheHead_countWhereTheHeadIsComputed() {
        long added = 40_000_000;
        MemoryPlan calibration = plan(128, TOKENS, Purpose.CALIBRATION);
        MemoryPlan evaluation = plan(128, TOKENS, Purpose.EVALUATION);

        assertThat(withHead(calibration, added).bytes(2)).isEqualTo(calibration.bytes(2));
        assertThat(withHead(evaluation, added).bytes(2))
                .isEqualTo(evaluation.bytes(2) + 4 * (4096 * HIDDEN + added - ATTENTION_WEIGHTS));
    }

    private static MemoryPlan withHead(MemoryPlan plan, long floats) {
        return plan.withAdapters(module -> module.kind() == ModuleInfo.Kind.HEAD ? floats : 0);
    }

    @Test
    void threadsWithin_takesAsManyAsFit() {
        MemoryPlan plan = plan(512, TOKENS, Purpose.CALIBRATION);

        assertThat(plan.threadsWithin(Long.MAX_VALUE, 8)).isEqualTo(8);
        assertThat(plan.threadsWithin(plan.bytes(3), 8)).isEqualTo(3);
        assertThat(plan.threadsWithin(plan.bytes(3) - 1, 8)).isEqualTo(2);
        assertThat(plan.threadsWithin(plan.bytes(1) - 1, 8)).isZero();
    }

    private MemoryPlan plan(int longest, long tokens, Purpose purpose) {
        return new MemoryPlan(decoder, longest, tokens, 18_867, purpose);
    }
}
