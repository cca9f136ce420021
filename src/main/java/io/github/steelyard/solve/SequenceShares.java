package io.github.steelyard.solve;

import io.github.steelyard.site.RowSource;
import io.github.steelyard.solve.InputMoments.Shares;
import java.util.Arrays;

/// What a row counts for where each sequence counts as one: one part in as many as the module is sent tokens of its
/// sequence.
///
/// @param starts first row of each sequence in the corpus, and the end of the last, ascending
@SuppressWarnings("ArrayRecordComponent") // never compared
public record SequenceShares(long[] starts) {

    /// Returns the shares of the rows of one call.
    ///
    /// @throws IllegalArgumentException if the rows are none that count
    Shares of(RowSource source, int rows) {
        float[] shares = new float[rows];
        return switch (source) {
            case RowSource.Sequence sequence -> {
                Arrays.fill(shares, 1f / rows);
                yield new Shares(shares, 1);
            }
            case RowSource.Routed routed -> {
                int begun = 0;
                for (int row = 0; row < rows; ) {
                    int token = routed.tokens()[routed.first() + row];
                    int at = Arrays.binarySearch(starts, token);
                    int sequence = at >= 0 ? at : -at - 2;
                    int from = lowerBound(routed, starts[sequence]);
                    int to = lowerBound(routed, starts[sequence + 1]);
                    begun += from >= routed.first() ? 1 : 0;
                    int end = Math.min(rows, to - routed.first());
                    Arrays.fill(shares, row, end, 1f / (to - from));
                    row = end;
                }
                yield new Shares(shares, begun);
            }
            case RowSource.Weight other -> throw noTokens(other);
            case RowSource.Others other -> throw noTokens(other);
            case RowSource.Every other -> throw noTokens(other);
            case RowSource.Nearest other -> throw noTokens(other);
        };
    }

    /// Returns where the first of an expert's tokens lies that is not before a row of the corpus.
    private static int lowerBound(RowSource.Routed routed, long row) {
        int at = Arrays.binarySearch(routed.tokens(), routed.begin(), routed.begin() + routed.total(), (int)
                Math.min(row, Integer.MAX_VALUE)); // tokens differ
        return at >= 0 ? at : -at - 1;
    }

    private static IllegalArgumentException noTokens(RowSource source) {
        return new IllegalArgumentException("not tokens that were sent: " + source);
    }
}
