package io.github.steelyard.moe;

import io.github.steelyard.site.RowSource;
import java.util.Arrays;
import java.util.List;

/// The rows that experts are shown besides those sent to them: what [io.github.steelyard.work.ShownTokens] comes to in
/// one layer.
sealed interface ShownRows {

    /// Returns how many rows an expert is shown.
    long count(int expert);

    /// Returns `count` of them from `from` on.
    RowBlock block(int expert, long from, int count);

    /// None.
    record None() implements ShownRows {

        @Override
        public long count(int expert) {
            return 0;
        }

        @Override
        public RowBlock block(int expert, long from, int count) {
            throw new IllegalArgumentException("no rows are shown");
        }
    }

    /// All rows of the corpus, as they are before a router scales them.
    ///
    /// @param tokens how many there are
    record Every(long tokens) implements ShownRows {

        @Override
        public long count(int expert) {
            return tokens;
        }

        @Override
        public RowBlock block(int expert, long from, int count) {
            int[] rows = new int[count];
            Arrays.setAll(rows, i -> (int) from + i);
            return new RowBlock(rows, new float[0], new RowSource.Every(from));
        }
    }

    /// The rows that were not sent to the expert.
    ///
    /// @param routed those that were
    /// @param tokens rows of the corpus
    record Others(Assignment.ByExpert routed, long tokens) implements ShownRows {

        @Override
        public long count(int expert) {
            return tokens - routed.rows(expert);
        }

        @Override
        public RowBlock block(int expert, long from, int count) {
            int[] rows = new int[count];
            int next = routedBefore(expert, from);
            int token = (int) from + next;
            for (int i = 0; i < count; token++) {
                if (next < routed.rows(expert) && routed.token(expert, next) == token) {
                    next++;
                } else {
                    rows[i++] = token;
                }
            }
            return new RowBlock(rows, new float[0], new RowSource.Others(rows));
        }

        /// Returns how many routed rows lie before the unrouted row `from`.
        private int routedBefore(int expert, long from) {
            int low = 0;
            int high = routed.rows(expert);
            while (low < high) {
                int middle = (low + high) >>> 1;
                if (routed.token(expert, middle) - middle <= from) { // as many others lie before it
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            return low;
        }
    }

    /// The nearest rows.
    ///
    /// @param experts those of each expert
    /// @param scaled whether the router scales inputs
    record Nearest(List<NearestTokens.Chosen> experts, boolean scaled) implements ShownRows {

        @Override
        public long count(int expert) {
            return experts.get(expert).tokens().length;
        }

        @Override
        public RowBlock block(int expert, long from, int count) {
            NearestTokens.Chosen chosen = experts.get(expert);
            int first = (int) from;
            return new RowBlock(
                    Arrays.copyOfRange(chosen.tokens(), first, first + count),
                    scaled ? Arrays.copyOfRange(chosen.weights(), first, first + count) : new float[0],
                    new RowSource.Nearest(chosen.tokens(), chosen.scores(), first));
        }
    }
}
