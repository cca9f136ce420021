package io.github.steelyard.moe;

import io.github.steelyard.site.RowSource;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.IntStream;

/// Which experts each token of the corpus is sent to, and with what weight.
final class Assignment {

    private final int chosen;
    private final int[] experts; // (tokens, chosen), ascending in a row
    private final float[] weights; // (tokens, chosen)

    /// @throws IllegalArgumentException if the table would not fit in a Java array
    Assignment(long tokens, int chosen) {
        if (tokens * chosen > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException(String.format(
                            Locale.ROOT,
                            "%d tokens with %d experts each are more than one pass can route: split",
                            tokens,
                            chosen)
                    + " the calibration set");
        }
        this.chosen = chosen;
        this.experts = new int[(int) tokens * chosen];
        this.weights = new float[(int) tokens * chosen];
    }

    void choose(Routing routing, long token, float[] logits, int offset, int count, float[] bias) {
        routing.choose(logits, offset, count, bias, experts, weights, (int) token * chosen);
    }

    /// Returns the experts that a token is sent to, ascending.
    int[] of(long token) {
        return Arrays.copyOfRange(experts, (int) token * chosen, ((int) token + 1) * chosen);
    }

    /// Returns the number of tokens of each expert.
    long[] counts(int expertCount) {
        long[] counts = new long[expertCount];
        for (int expert : experts) {
            counts[expert]++;
        }
        return counts;
    }

    /// Sorts by expert, tokens ascending.
    ByExpert byExpert(int expertCount) {
        int[] starts = new int[expertCount + 1];
        for (int expert : experts) {
            starts[expert + 1]++;
        }
        for (int e = 0; e < expertCount; e++) {
            starts[e + 1] += starts[e];
        }
        int[] next = starts.clone();
        int[] tokens = new int[experts.length];
        float[] sorted = new float[experts.length];
        for (int i = 0; i < experts.length; i++) {
            int at = next[experts[i]]++;
            tokens[at] = i / chosen;
            sorted[at] = weights[i];
        }
        return new ByExpert(starts, tokens, sorted);
    }

    /// The tokens of each expert.
    static final class ByExpert {

        private final int[] starts; // (experts + 1)
        private final int[] tokens;
        private final float[] weights;

        private ByExpert(int[] starts, int[] tokens, float[] weights) {
            this.starts = starts;
            this.tokens = tokens;
            this.weights = weights;
        }

        /// Returns the number of experts.
        int experts() {
            return starts.length - 1;
        }

        /// Returns the rows of all experts together.
        long total() {
            return tokens.length;
        }

        /// Returns the rows of the expert that has most.
        int most() {
            return IntStream.range(0, experts()).map(this::rows).max().orElse(0);
        }

        int rows(int expert) {
            return starts[expert + 1] - starts[expert];
        }

        int token(int expert, int row) {
            return tokens[starts[expert] + row];
        }

        /// Returns `count` rows of an expert from `row` on.
        ///
        /// @param scaled whether the router scales inputs
        /// @param all whether the expert is shown all others too
        RowBlock block(int expert, int row, int count, boolean scaled, boolean all) {
            int first = starts[expert] + row;
            return new RowBlock(
                    Arrays.copyOfRange(tokens, first, first + count),
                    scaled ? Arrays.copyOfRange(weights, first, first + count) : new float[0],
                    new RowSource.Routed(tokens, starts[expert], first, rows(expert), all));
        }

        float weight(int expert, int row) {
            return weights[starts[expert] + row];
        }
    }
}
