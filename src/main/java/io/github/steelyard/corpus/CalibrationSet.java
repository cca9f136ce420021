package io.github.steelyard.corpus;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/// The token sequences of a calibration or an evaluation. Immutable.
public final class CalibrationSet {

    /// What became of the documents of data files.
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
    private final List<DataFile> files;
    private final long tokens;
    private final String digest;

    CalibrationSet(List<int[]> sequences, Counts counts, List<DataFile> files) {
        this.sequences = List.copyOf(sequences);
        this.counts = counts;
        this.files = List.copyOf(files);
        tokens = sequences.stream().mapToLong(ids -> ids.length).sum();
        digest = digest(sequences);
    }

    /// Reads data files: JSONL with `text` or `input_ids` per line, or plain text, as their names say; packed with gzip
    /// or zstd or not.
    ///
    /// A plain text file is one document, cut into consecutive sequences whatever the packing. Files are read to their
    /// ends even where less suffices, so that each has its digest; no more is kept of them than what is used.
    ///
    /// @param options name the sources
    /// @param tokenizer used only where there is text
    /// @param vocabulary the model's: ids run from 0 to this, exclusive
    /// @param endOfText the id put between joined documents; asked only where they are joined; empty = none
    /// @throws CorpusException if a file cannot be used, or a source holds no token
    public static CalibrationSet read(
            DataOptions options, Tokenizer tokenizer, int vocabulary, Supplier<OptionalInt> endOfText) {
        try (Mixture mixture = new Mixture(options, tokenizer, vocabulary)) {
            List<Document> documents = mixture.draw();
            boolean joined = options.packing() == DataOptions.Packing.CONCATENATE;
            Sequencer sequencer = new Sequencer(options, joined ? endOfText.get() : OptionalInt.empty());
            List<int[]> sequences = joined ? sequencer.join(documents) : sequencer.each(documents);
            mixture.finish(sequencer);
            return new CalibrationSet(
                    sequences, sequencer.counts(mixture.empty(), mixture.unread()), mixture.files(sequencer));
        }
    }

    /// Returns a set of these sequences, for example of one prompt.
    ///
    /// @throws IllegalArgumentException if there is none or one is empty
    public static CalibrationSet of(List<int[]> sequences) {
        if (sequences.isEmpty() || sequences.stream().anyMatch(ids -> ids.length == 0)) {
            throw new IllegalArgumentException("a calibration set has sequences, and each has tokens");
        }
        List<int[]> copies = sequences.stream().map(int[]::clone).toList();
        return new CalibrationSet(copies, new Counts(copies.size(), 0, 0, 0, 0, 0), List.of());
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

    /// Returns what became of the documents.
    public Counts counts() {
        return counts;
    }

    /// Returns the SHA-256 of the sequences, in hexadecimal digits: of each its length, then its ids, as little-endian
    /// 32-bit integers.
    public String digest() {
        return digest;
    }

    /// Returns the files that the sequences are of, source by source; none where they are not of files.
    public List<DataFile> files() {
        return files;
    }

    private static String digest(List<int[]> sequences) {
        MessageDigest digest = DataStream.sha256();
        for (int[] ids : sequences) {
            ByteBuffer bytes =
                    ByteBuffer.allocate(Integer.BYTES * (ids.length + 1)).order(ByteOrder.LITTLE_ENDIAN);
            bytes.putInt(ids.length).asIntBuffer().put(ids);
            digest.update(bytes.rewind());
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
