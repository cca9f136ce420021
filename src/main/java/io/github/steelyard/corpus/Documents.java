package io.github.steelyard.corpus;

import io.github.steelyard.files.FileProblem;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.function.Supplier;

/// Reads a data file into documents of token ids.
///
/// Lines are read one at a time; kept are ids alone, and of each document no more than can be used. When enough is
/// there, the remaining lines are only counted.
final class Documents {

    /// Largest plain text file.
    static final int MAX_TEXT_BYTES = 16 << 20;

    /// One document.
    static final class Document {
        private final int[] ids;
        private final int tokens;

        /// @param ids what is kept
        /// @param tokens its length before what cannot be used was cut off
        Document(int[] ids, int tokens) {
            this.ids = ids;
            this.tokens = tokens;
        }

        int[] ids() {
            return ids;
        }

        int tokens() {
            return tokens;
        }
    }

    /// Bytes of lines whose ids are awaited at most: enough that reading and tokenising go on side by side.
    private static final long MOST_PENDING = 4 << 20;

    /// A line whose ids are there or on their way.
    private record Pending(long line, int bytes, Supplier<int[]> ids) {}

    private final Path file;
    private final DataOptions options;
    private final Tokenizer tokenizer;
    private final int vocabulary;
    private final MessageDigest digest;
    private final List<Document> documents = new ArrayList<>();
    private final Queue<Pending> pending = new ArrayDeque<>();
    private long pendingBytes;
    private long tokens;
    private int empty;
    private long unread;

    private Documents(Path file, DataOptions options, Tokenizer tokenizer, int vocabulary, MessageDigest digest) {
        this.file = file;
        this.options = options;
        this.tokenizer = tokenizer;
        this.vocabulary = vocabulary;
        this.digest = digest;
    }

    /// Reads `file`.
    ///
    /// @param vocabulary ids run from 0 to this, exclusive
    /// @param digest is updated with all bytes of the file
    static Documents read(Path file, DataOptions options, Tokenizer tokenizer, int vocabulary, MessageDigest digest) {
        Documents documents = new Documents(file, options, tokenizer, vocabulary, digest);
        if (isPlainText(file)) {
            documents.readText();
        } else {
            documents.readLines();
        }
        return documents;
    }

    /// Returns whether the file is one document to be cut, by its name.
    ///
    /// @throws CorpusException if the name tells neither kind
    static boolean isPlainText(Path file) {
        String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        if (name.endsWith(".txt") || name.endsWith(".text") || name.endsWith(".md")) {
            return true;
        }
        if (name.endsWith(".jsonl") || name.endsWith(".ndjson")) {
            return false;
        }
        throw new CorpusException(file, "unknown kind of data; expected a name ending in .jsonl or .txt");
    }

    /// Returns the documents that have tokens, in the file's order.
    List<Document> list() {
        return documents;
    }

    /// Returns the number of documents without a token.
    int empty() {
        return empty;
    }

    /// Returns the number of lines that were not needed.
    long unread() {
        return unread;
    }

    private void readLines() {
        try (Lines lines = Lines.open(file, digest)) {
            try {
                for (byte[] line = lines.next(); line != null; line = lines.next()) {
                    if (!isBlank(line)) {
                        readLine(lines, line);
                    }
                }
            } catch (CorpusException e) {
                settle(0); // what an earlier line has to say comes first
                throw e;
            }
            settle(0);
        }
    }

    private void readLine(Lines lines, byte[] line) {
        if (isEnough()) {
            unread++;
            return;
        }
        Supplier<int[]> ids;
        try {
            ids = ids(JsonDocument.parse(file, lines.number(), lines.text(line)), lines.number());
        } catch (CorpusException e) {
            settle(0);
            if (isEnough()) {
                unread++;
                return;
            }
            throw e;
        }
        pending.add(new Pending(lines.number(), line.length, ids));
        pendingBytes += line.length;
        settle(MOST_PENDING);
    }

    private Supplier<int[]> ids(JsonDocument document, long line) {
        if (document.ids().isPresent()) {
            return document.ids()::orElseThrow;
        }
        return tokenizer.begin(
                document.text().orElseThrow(),
                options.addSpecialTokens(),
                String.format(Locale.ROOT, "the text of %s:%d", file, line));
    }

    // Takes what was begun, in the file's order, until no more than so many bytes of it are left.
    private void settle(long bytes) {
        while (pendingBytes > bytes) {
            Pending first = pending.remove();
            pendingBytes -= first.bytes();
            if (isEnough()) {
                unread++;
            } else {
                add(first.ids().get(), first.line());
            }
        }
    }

    private void readText() {
        FileProblem.irregularity(file).ifPresent(problem -> {
            throw new CorpusException(file, problem);
        });
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(MAX_TEXT_BYTES + 1);
            if (bytes.length > MAX_TEXT_BYTES) {
                throw new CorpusException(
                        file,
                        String.format(Locale.ROOT, "plain text of more than %d bytes; use JSONL", MAX_TEXT_BYTES));
            }
            digest.update(bytes);
            String text = Lines.decode(file, 1, bytes);
            add(
                    tokenizer
                            .begin(text, options.addSpecialTokens(), "the text of " + file)
                            .get(),
                    1);
        } catch (IOException e) {
            throw new CorpusException(file, "cannot be read: " + FileProblem.reason(file, e));
        }
    }

    private void add(int[] ids, long line) {
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= vocabulary) {
                throw new CorpusException(
                        file,
                        line,
                        String.format(
                                Locale.ROOT,
                                "token %d has id %d, outside the model's vocabulary of %d",
                                i,
                                ids[i],
                                vocabulary));
            }
        }
        if (ids.length == 0) {
            empty++;
            return;
        }
        boolean cut = !isPlainText(file) && options.packing() == DataOptions.Packing.NONE;
        int[] kept = cut && ids.length > options.sequenceLength() ? Arrays.copyOf(ids, options.sequenceLength()) : ids;
        tokens += kept.length;
        if (tokens > CalibrationSet.MOST_TOKENS) {
            throw new CorpusException(
                    file,
                    line,
                    String.format(
                            Locale.ROOT,
                            "more than %d tokens; set max_sequences or sequence_length",
                            CalibrationSet.MOST_TOKENS));
        }
        documents.add(new Document(kept, ids.length));
    }

    private boolean isEnough() {
        if (options.maxSequences().isEmpty() || options.seed().isPresent()) {
            return false;
        }
        long most = options.maxSequences().getAsInt();
        return switch (options.packing()) {
            case NONE -> documents.size() >= most;
            case CONCATENATE -> tokens >= most * options.sequenceLength();
        };
    }

    private static boolean isBlank(byte[] line) {
        for (byte b : line) {
            if (b != ' ' && b != '\t' && b != '\r') {
                return false;
            }
        }
        return true;
    }
}
