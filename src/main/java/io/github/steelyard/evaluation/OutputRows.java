package io.github.steelyard.evaluation;

import io.github.steelyard.model.HiddenStates;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// Keeps what the linear layers of one layer give for some sequences.
final class OutputRows implements Tap {

    private final Arena arena;
    private final Sequences sequences;
    private final Map<Site, Kept> kept = new ConcurrentHashMap<>();

    /// @param arena whose memory is used
    OutputRows(Arena arena, Sequences sequences) {
        this.arena = arena;
        this.sequences = sequences;
    }

    /// The rows of one output, in the order in which they came.
    private static final class Kept {

        private final HiddenStates rows;
        private final long[] places; // token in the upper half, row in the lower
        private int count;
        private boolean sorted;

        Kept(HiddenStates rows) {
            this.rows = rows;
            this.places = new long[Math.toIntExact(rows.tokens())];
        }

        /// Returns the first of the rows that these tokens get.
        private synchronized int take(RowSource source, Sequences sequences, int tokens) {
            int first = count;
            for (int row = 0; row < tokens; row++) {
                places[count] = ((long) token(source, sequences, row) << Integer.SIZE) | count;
                count++;
            }
            return first;
        }

        /// Returns the row of a token, -1 if there is none; no more are taken from now on.
        private synchronized int row(int token) {
            if (!sorted) {
                Arrays.sort(places, 0, count);
                sorted = true;
            }
            int at = Arrays.binarySearch(places, 0, count, (long) token << Integer.SIZE);
            int place = at < 0 ? -1 - at : at;
            return place < count && places[place] >>> Integer.SIZE == token ? (int) places[place] : -1;
        }
    }

    @Override
    public boolean watches(Role role) {
        return role == Role.OUTPUT;
    }

    @Override
    public void rows(List<Site> sites, RowSource source, float[] values, int offset, int rows, int columns) {
        Kept place = kept.computeIfAbsent(
                sites.getFirst(), absent -> new Kept(HiddenStates.allocate(arena, total(source), columns)));
        place.rows.write(place.take(source, sequences, rows), rows, values, offset);
    }

    private long total(RowSource source) {
        return switch (source) {
            case RowSource.Routed routed -> routed.total();
            case RowSource.Sequence sequence -> sequences.tokens();
            case RowSource.Weight weight -> throw noOutput(source);
            case RowSource.Others others -> throw noOutput(source);
            case RowSource.Every every -> throw noOutput(source);
            case RowSource.Nearest nearest -> throw noOutput(source);
        };
    }

    /// Returns the row of the corpus that a row of an output belongs to.
    static int token(RowSource source, Sequences sequences, int row) {
        return switch (source) {
            case RowSource.Routed routed -> routed.tokens()[routed.first() + row];
            case RowSource.Sequence sequence -> Math.toIntExact(sequences.start(sequence.sequence())) + row;
            case RowSource.Weight weight -> throw noOutput(source);
            case RowSource.Others others -> throw noOutput(source);
            case RowSource.Every every -> throw noOutput(source);
            case RowSource.Nearest nearest -> throw noOutput(source);
        };
    }

    private static IllegalArgumentException noOutput(RowSource source) {
        return new IllegalArgumentException("no output has rows of " + source);
    }

    /// Reads the output for a token, if it was computed.
    ///
    /// @param token row of the corpus
    /// @return whether there is one
    boolean read(Site site, int token, float[] target) {
        Kept found = kept.get(site);
        if (found == null || found.rows.width() != target.length) {
            return false;
        }
        int row = found.row(token);
        if (row >= 0) {
            found.rows.read(row, 1, target, 0);
        }
        return row >= 0;
    }
}
