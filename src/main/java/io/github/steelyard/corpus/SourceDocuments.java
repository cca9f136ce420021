package io.github.steelyard.corpus;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/// The documents of one source, file after file, in the order that they are drawn in: the files', or shuffled by a
/// seed.
/// A plain text comes in parts of the length of a sequence.
///
/// No file is open but the one that is read. Shuffled documents are kept only as far as they can be used.
final class SourceDocuments implements AutoCloseable {

    private static final Comparator<Ranked> ORDER =
            Comparator.comparingLong(Ranked::rank).thenComparingLong(Ranked::index);

    /// A document at its place in a shuffled order.
    private record Ranked(long rank, long index, Document document) {}

    /// Opens the files of a set.
    interface Opener {
        /// Opens a file.
        ///
        /// @param index which file of the set it is
        Documents open(Path file, int index);
    }

    private final DataSource source;
    private final DataOptions options;
    private final Opener opener;
    private final Queue<Path> files;
    private int nextFile;
    private final List<Documents> finished = new ArrayList<>();
    private @Nullable Documents open;
    private @Nullable Queue<Document> shuffled;
    private @Nullable Document text;
    private int textAt;
    private long left;

    /// @param firstFile which file of the set the source's first is
    SourceDocuments(DataSource source, int firstFile, DataOptions options, Opener opener) {
        this.source = source;
        this.options = options;
        this.opener = opener;
        files = new ArrayDeque<>(source.files());
        nextFile = firstFile;
    }

    DataSource source() {
        return source;
    }

    /// Returns the number of files, until the first is opened.
    int files() {
        return files.size();
    }

    /// Returns the next document, or the next part of a plain text; null at the end.
    ///
    /// @param number what a new document is called
    @Nullable
    Document next(int number) {
        if (text != null) {
            return part();
        }
        Document document = options.seed().isPresent() ? shuffled().poll() : read();
        if (document == null) {
            return null;
        }
        if (document.isText()) {
            text = document.numbered(number);
            textAt = 0;
            return part();
        }
        return document.numbered(number);
    }

    /// Reads to the end of all files, of which nothing more is used.
    ///
    /// @param sequencer is told what remains of a text that was begun
    void finish(Sequencer sequencer) {
        if (text != null) {
            sequencer.leave(text.part(textAt, Integer.MAX_VALUE - textAt));
        }
        left += shuffled == null ? 0 : shuffled.size();
        while (current() != null) {
            skip();
        }
    }

    /// Returns the number of documents that were not needed, where [#finish] has read to the end.
    long unread() {
        return left + finished.stream().mapToLong(Documents::unread).sum();
    }

    /// Returns the number of documents without a token, as far as was read.
    long empty() {
        return finished.stream().mapToLong(Documents::empty).sum();
    }

    /// Returns the files that were read to their end.
    List<Documents> finished() {
        return Collections.unmodifiableList(finished);
    }

    @Override
    public void close() {
        if (open != null) {
            open.close();
        }
    }

    private Document part() {
        Document whole = text;
        if (whole == null) {
            throw new IllegalStateException("no text is open");
        }
        Document part = whole.part(textAt, options.sequenceLength());
        textAt += part.tokens();
        text = textAt == whole.ids().length ? null : whole;
        return part;
    }

    private @Nullable Document read() {
        for (Documents file = current(); file != null; file = current()) {
            Document document = file.next();
            if (document != null) {
                return document;
            }
            endFile(file);
        }
        return null;
    }

    private void skip() {
        Documents file = current();
        if (file != null) {
            file.skip();
            endFile(file);
        }
    }

    private void endFile(Documents file) {
        finished.add(file);
        open = null;
        file.close();
    }

    private @Nullable Documents current() {
        if (open == null && !files.isEmpty()) {
            open = opener.open(files.remove(), nextFile++);
        }
        return open;
    }

    /// Shuffles by sorting on a hash of seed and index: the same on every platform. What so many documents come before
    /// that it cannot be used is let go at once.
    private Queue<Document> shuffled() {
        if (shuffled != null) {
            return shuffled;
        }
        long seed = options.seed().orElseThrow();
        long needed = Mixture.needed(options);
        PriorityQueue<Ranked> kept = new PriorityQueue<>(ORDER.reversed());
        long worth = 0;
        long tokens = 0;
        long index = 0;
        for (Document document = read(); document != null; document = read()) {
            kept.add(new Ranked(mixed(seed, index), index, document));
            index++;
            worth += worth(document);
            tokens += document.ids().length;
            for (Document last = kept.element().document();
                    worth - worth(last) >= needed;
                    last = kept.element().document()) {
                kept.remove();
                worth -= worth(last);
                tokens -= last.ids().length;
                left++;
            }
            Mixture.requireRoom(source, tokens);
        }
        Queue<Document> ordered = new ArrayDeque<>(
                kept.stream().sorted(ORDER).map(Ranked::document).toList());
        shuffled = ordered;
        return ordered;
    }

    /// What a document counts of what is needed: sequences, or tokens where they are joined.
    private long worth(Document document) {
        return options.packing() == DataOptions.Packing.CONCATENATE
                ? document.ids().length
                : Math.ceilDiv(document.ids().length, options.sequenceLength());
    }

    /// Source: SPLITMIX64 (see `docs/SOURCES.md`).
    private static long mixed(long seed, long index) {
        long z = seed + (index + 1) * 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
