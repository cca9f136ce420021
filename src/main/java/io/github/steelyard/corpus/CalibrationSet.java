package io.github.steelyard.corpus;

import io.github.steelyard.corpus.Documents.Document;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/// The token sequences of a calibration or an evaluation. Immutable.
public final class CalibrationSet {

    /// What became of a data file.
    ///
    /// @param documents documents that are wholly or partly in the set
    /// @param emptyDocuments documents without a token: not used
    /// @param unusedDocuments documents beyond `max_sequences`: not used
    /// @param truncatedDocuments documents of which a part is not used
    /// @param truncatedTokens tokens of those parts
    /// @param separators end-of-text tokens put between joined documents
    public record Counts(
            long documents,
            long emptyDocuments,
            long unusedDocuments,
            long truncatedDocuments,
            long truncatedTokens,
            long separators) {}

    /// Most tokens that are read of one file: 1 GiB of ids.
    public static final long MOST_TOKENS = 1L << 28;

    private final List<int[]> sequences;
    private final Counts counts;
    private final String fileDigest;
    private final long tokens;
    private final String digest;

    CalibrationSet(List<int[]> sequences, Counts counts, String fileDigest) {
        this.sequences = List.copyOf(sequences);
        this.counts = counts;
        this.fileDigest = fileDigest;
        tokens = sequences.stream().mapToLong(ids -> ids.length).sum();
        digest = digest(sequences);
    }

    /// Reads a data file: JSONL with `text` or `input_ids` per line, or plain text, by the file's name.
    ///
    /// A plain text file is one document, cut into consecutive sequences whatever the packing.
    ///
    /// @param file the file; `options.path()` is not looked at
    /// @param tokenizer used only where there is text
    /// @param vocabulary the model's: ids run from 0 to this, exclusive
    /// @param endOfText the id put between joined documents; asked only where they are joined; empty = none
    /// @throws CorpusException if the file cannot be used or holds no token
    public static CalibrationSet read(
            Path file, DataOptions options, Tokenizer tokenizer, int vocabulary, Supplier<OptionalInt> endOfText) {
        MessageDigest fileDigest = sha256();
        Documents documents = Documents.read(file, options, tokenizer, vocabulary, fileDigest);
        boolean joined = options.packing() == DataOptions.Packing.CONCATENATE || Documents.isPlainText(file);
        Sequencer sequencer = new Sequencer(options, joined ? endOfText.get() : OptionalInt.empty());
        List<Document> ordered = ordered(documents.list(), options);
        List<int[]> sequences = joined ? sequencer.join(ordered) : sequencer.each(ordered);
        if (sequences.isEmpty()) {
            throw new CorpusException(
                    file, String.format(Locale.ROOT, "no token in it; documents without text: %d", documents.empty()));
        }
        return new CalibrationSet(
                sequences,
                sequencer.counts(documents.empty(), documents.unread()),
                HexFormat.of().formatHex(fileDigest.digest()));
    }

    /// Returns a set of these sequences, for example of one prompt.
    ///
    /// @throws IllegalArgumentException if there is none or one is empty
    public static CalibrationSet of(List<int[]> sequences) {
        if (sequences.isEmpty() || sequences.stream().anyMatch(ids -> ids.length == 0)) {
            throw new IllegalArgumentException("a calibration set has sequences, and each has tokens");
        }
        List<int[]> copies = sequences.stream().map(int[]::clone).toList();
        return new CalibrationSet(copies, new Counts(copies.size(), 0, 0, 0, 0, 0), digest(copies));
    }

    /// Returns the number of sequences, at least 1.
    public int count() {
        return sequences.size();
    }

    /// Returns a copy of the token ids of sequence `index`.
    public int[] sequence(int index) {
        return sequences.get(index).clone();
    }

    /// Returns the number of tokens of sequence `index`, at least 1.
    public int length(int index) {
        return sequences.get(index).length;
    }

    /// Returns the number of tokens of the longest sequence.
    public int longest() {
        return IntStream.range(0, count()).map(this::length).max().orElseThrow();
    }

    /// Returns the number of tokens in all sequences.
    public long tokens() {
        return tokens;
    }

    /// Returns what became of the file.
    public Counts counts() {
        return counts;
    }

    /// Returns the SHA-256 of the sequences, in hexadecimal digits: of each its length, then its ids, as little-endian
    /// 32-bit integers.
    public String digest() {
        return digest;
    }

    /// Returns the SHA-256 of the file, in hexadecimal digits.
    public String fileDigest() {
        return fileDigest;
    }

    /// Shuffles by sorting on a hash of seed and index: the same on every platform.
    private static List<Document> ordered(List<Document> documents, DataOptions options) {
        if (options.seed().isEmpty()) {
            return documents;
        }
        long seed = options.seed().getAsLong();
        return IntStream.range(0, documents.size())
                .boxed()
                .sorted(Comparator.comparingLong((Integer index) -> mixed(seed, index))
                        .thenComparing(Comparator.naturalOrder()))
                .map(documents::get)
                .toList();
    }

    /// Source: SPLITMIX64 (see `docs/SOURCES.md`).
    private static long mixed(long seed, long index) {
        long z = seed + (index + 1) * 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    private static String digest(List<int[]> sequences) {
        MessageDigest digest = sha256();
        for (int[] ids : sequences) {
            ByteBuffer bytes =
                    ByteBuffer.allocate(Integer.BYTES * (ids.length + 1)).order(ByteOrder.LITTLE_ENDIAN);
            bytes.putInt(ids.length).asIntBuffer().put(ids);
            digest.update(bytes.rewind());
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
