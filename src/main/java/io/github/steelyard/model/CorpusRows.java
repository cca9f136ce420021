package io.github.steelyard.model;

import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;

/// Scratch rows as large as the corpus, taken from a [CorpusContext.RowMemory] once and used in every layer: mapping or
/// clearing gigabytes is work for one thread, while all others wait.
public final class CorpusRows implements AutoCloseable {

    private final CorpusContext.RowMemory memory;
    private final Map<String, Taken> taken = new HashMap<>();

    private record Taken(Arena arena, HiddenStates rows) {}

    CorpusRows(CorpusContext.RowMemory memory) {
        this.memory = memory;
    }

    /// Returns rows `(tokens, width)` with undefined contents, which the next call with this purpose may hand out
    /// again.
    ///
    /// @param purpose a word that tells apart rows which are in use at the same time
    public HiddenStates rows(String purpose, long tokens, int width) {
        Taken earlier = taken.get(purpose);
        if (earlier != null) {
            if (earlier.rows.tokens() == tokens && earlier.rows.width() == width) {
                return earlier.rows;
            }
            taken.remove(purpose);
            earlier.arena.close();
        }
        Arena arena = Arena.ofShared();
        taken.put(purpose, new Taken(arena, memory.rows(arena, purpose, tokens, width)));
        return taken.get(purpose).rows;
    }

    @Override
    public void close() {
        taken.values().forEach(rows -> rows.arena.close());
        taken.clear();
    }
}
