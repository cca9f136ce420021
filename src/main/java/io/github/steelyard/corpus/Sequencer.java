package io.github.steelyard.corpus;

import io.github.steelyard.corpus.Documents.Document;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/// Turns documents into sequences and counts what is left out.
final class Sequencer {

    private final int length;
    private final int most;
    private final OptionalInt separator;
    private long used;
    private long unused;
    private long truncatedDocuments;
    private long truncatedTokens;
    private long separators;

    Sequencer(DataOptions options, OptionalInt separator) {
        length = options.sequenceLength();
        most = options.maxSequences().orElse(Integer.MAX_VALUE);
        this.separator = separator;
    }

    /// One document, one sequence.
    List<int[]> each(List<Document> documents) {
        List<int[]> sequences = new ArrayList<>();
        for (Document document : documents.subList(0, Math.min(most, documents.size()))) {
            sequences.add(document.ids());
            used++;
            cut(document.tokens() - document.ids().length);
        }
        unused = documents.size() - used;
        return sequences;
    }

    /// All documents joined and cut; the last sequence may be shorter.
    List<int[]> join(List<Document> documents) {
        List<int[]> sequences = new ArrayList<>();
        int[] open = new int[length];
        int filled = 0;
        for (Document document : documents) {
            if (sequences.size() == most) {
                unused++;
                continue;
            }
            if (used > 0 && separator.isPresent()) {
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
            used += at > 0 ? 1 : 0;
            unused += at > 0 ? 0 : 1;
            cut(at > 0 ? document.ids().length - at : 0);
        }
        if (filled > 0) {
            sequences.add(Arrays.copyOf(open, filled));
        }
        return sequences;
    }

    CalibrationSet.Counts counts(long empty, long unread) {
        return new CalibrationSet.Counts(used, empty, unused + unread, truncatedDocuments, truncatedTokens, separators);
    }

    private int flush(List<int[]> sequences, int[] open, int filled) {
        if (filled < length) {
            return filled;
        }
        sequences.add(open.clone());
        return 0;
    }

    private void cut(int tokens) {
        truncatedTokens += tokens;
        truncatedDocuments += tokens > 0 ? 1 : 0;
    }
}
