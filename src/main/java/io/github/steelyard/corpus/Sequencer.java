package io.github.steelyard.corpus;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.OptionalInt;

/// Turns documents into sequences and counts what is left out.
final class Sequencer {

    private final int length;
    private final int most;
    private final OptionalInt separator;
    private final BitSet used = new BitSet();
    private final BitSet unused = new BitSet();
    private final BitSet truncated = new BitSet();
    private long[] documentsOf = new long[1];
    private long[] tokensOf = new long[1];
    private long truncatedTokens;
    private long separators;

    Sequencer(DataOptions options, OptionalInt separator) {
        length = options.sequenceLength();
        most = options.maxSequences().orElse(Integer.MAX_VALUE);
        this.separator = separator;
    }

    /// One document or part, one sequence.
    ///
    /// @param documents no more than sequences are wanted
    List<int[]> each(List<Document> documents) {
        documents.forEach(document -> use(document, document.ids().length));
        return documents.stream().map(Document::ids).toList();
    }

    /// All documents joined and cut; the last sequence may be shorter.
    List<int[]> join(List<Document> documents) {
        List<int[]> sequences = new ArrayList<>();
        int[] open = new int[length];
        int filled = 0;
        for (Document document : documents) {
            if (sequences.size() == most) {
                leave(document);
                continue;
            }
            if (!used.isEmpty() && !used.get(document.number()) && separator.isPresent()) {
                open[filled++] = separator.getAsInt();
                separators++;
                filled = flush(sequences, open, filled);
            }
            int at = 0;
            while (at < document.ids().length && sequences.size() < most) {
                int part = Math.min(length - filled, document.ids().length - at);
                System.arraycopy(document.ids(), at, open, filled, part);
                at += part;
                filled = flush(sequences, open, filled + part);
            }
            use(document, at);
        }
        if (filled > 0) {
            sequences.add(Arrays.copyOf(open, filled));
        }
        return sequences;
    }

    /// Counts a document, or the rest of one, that is not used.
    void leave(Document document) {
        use(document, 0);
    }

    CalibrationSet.Counts counts(long empty, long unread) {
        return new CalibrationSet.Counts(
                used.cardinality(),
                empty,
                unused.cardinality() + unread,
                truncated.cardinality(),
                truncatedTokens,
                separators);
    }

    /// Returns how many documents of a file are used.
    long documents(int file) {
        return file < documentsOf.length ? documentsOf[file] : 0;
    }

    /// Returns how many tokens of a file are used.
    long tokens(int file) {
        return file < tokensOf.length ? tokensOf[file] : 0;
    }

    private int flush(List<int[]> sequences, int[] open, int filled) {
        if (filled < length) {
            return filled;
        }
        sequences.add(open.clone());
        return 0;
    }

    private void use(Document document, int tokens) {
        int number = document.number();
        if (tokens == 0 && !used.get(number)) {
            unused.set(number);
            return;
        }
        if (document.file() >= tokensOf.length) {
            documentsOf = Arrays.copyOf(documentsOf, 2 * document.file() + 1);
            tokensOf = Arrays.copyOf(tokensOf, 2 * document.file() + 1);
        }
        documentsOf[document.file()] += used.get(number) ? 0 : 1;
        tokensOf[document.file()] += tokens;
        used.set(number);
        if (tokens < document.tokens()) {
            truncated.set(number);
            truncatedTokens += document.tokens() - tokens;
        }
    }
}
