package io.github.steelyard.model;

import java.util.Collections;
import java.util.List;
import java.util.Locale;

/// The token ids of all sequences of a pass, and where each sequence's rows lie in [HiddenStates].
public final class Sequences {

    private final List<int[]> ids;
    private final long[] starts; // (sequences + 1)

    /// @throws IllegalArgumentException if there is no sequence or one is empty
    public Sequences(List<int[]> ids) {
        if (ids.isEmpty()) {
            throw new IllegalArgumentException("no sequences");
        }
        this.ids = List.copyOf(ids);
        this.starts = new long[ids.size() + 1];
        for (int i = 0; i < ids.size(); i++) {
            if (ids.get(i).length == 0) {
                throw new IllegalArgumentException(String.format(Locale.ROOT, "sequence %d is empty", i));
            }
            starts[i + 1] = starts[i] + ids.get(i).length;
        }
    }

    /// Returns so many copies of these sequences, one after the other.
    public Sequences copies(int count) {
        return count == 1
                ? this
                : new Sequences(Collections.nCopies(count, ids).stream()
                        .flatMap(List::stream)
                        .toList());
    }

    /// Returns the number of sequences.
    public int count() {
        return ids.size();
    }

    /// Returns the sequences from `from` to before `to`.
    public Sequences range(int from, int to) {
        return from == 0 && to == count() ? this : new Sequences(ids.subList(from, to));
    }

    /// Returns the token ids of sequence `i`.
    public int[] ids(int i) {
        return ids.get(i);
    }

    /// Returns the first row of sequence `i`.
    public long start(int i) {
        return starts[i];
    }

    /// Returns the number of tokens of sequence `i`.
    public int length(int i) {
        return ids.get(i).length;
    }

    /// Returns the number of tokens of all sequences.
    public long tokens() {
        return starts[ids.size()];
    }

    /// Returns the length of the longest sequence.
    public int longest() {
        return ids.stream().mapToInt(sequence -> sequence.length).max().orElseThrow();
    }
}
