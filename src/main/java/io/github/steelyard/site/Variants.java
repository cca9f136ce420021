package io.github.steelyard.site;

/// Copies of one text that go through a model in one pass, one for each way to compute it: as it is, or with an adapter
/// applied. The copies follow one another: all sequences of the first, then all of the second.
///
/// @param count number of copies
/// @param sequences sequences of one copy
/// @param rows tokens of one copy
public record Variants(int count, int sequences, long rows) {

    /// One copy of any text.
    public static final Variants ONE = new Variants(1, Integer.MAX_VALUE, Long.MAX_VALUE);

    /// @throws IllegalArgumentException if there is no copy, or a copy is empty
    public Variants {
        if (count < 1 || sequences < 1 || rows < sequences) {
            throw new IllegalArgumentException("copies of a text: found " + count + " of " + sequences + ", " + rows);
        }
    }

    /// Returns which copy a row belongs to; weights belong to the first.
    ///
    /// @param row index of the row among those of `source`
    public int of(RowSource source, int row) {
        return switch (source) {
            case RowSource.Weight weight -> 0;
            case RowSource.Sequence sequence -> sequence.sequence() / sequences;
            case RowSource.Routed routed -> ofCorpus(routed.tokens()[routed.first() + row]);
            case RowSource.Others others -> ofCorpus(others.tokens()[row]);
            case RowSource.Nearest nearest -> ofCorpus(nearest.tokens()[nearest.first() + row]);
            case RowSource.Every every -> ofCorpus(every.first() + row);
        };
    }

    /// Returns the end of the rows that belong to the same copy as `row`: rows come in the order of the corpus.
    ///
    /// @param end end of the rows of `source` that are looked at
    public int endOfRun(RowSource source, int row, int end) {
        int variant = of(source, row);
        if (count == 1 || of(source, end - 1) == variant) {
            return end;
        }
        int same = row; // of this copy
        int other = end - 1; // of a later one
        while (other - same > 1) {
            int middle = (same + other) >>> 1;
            if (of(source, middle) == variant) {
                same = middle;
            } else {
                other = middle;
            }
        }
        return other;
    }

    private int ofCorpus(long row) {
        return (int) (row / rows);
    }
}
