package io.github.steelyard.corpus;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// Which text a calibration reads and how it becomes sequences: the recipe's `data` section.
///
/// @param sources where the text comes from; none where the command line must name it
/// @param maxSequences most sequences used; empty = all
/// @param sequenceLength most tokens in a sequence
/// @param packing how documents become sequences
/// @param seed shuffles the documents; empty = the file's order
/// @param addSpecialTokens whether the tokenizer adds what its template says, for example a begin-of-text token
public record DataOptions(
        List<DataSource> sources,
        OptionalInt maxSequences,
        int sequenceLength,
        Packing packing,
        OptionalLong seed,
        boolean addSpecialTokens) {

    /// Most tokens that any sequence may have.
    public static final int LONGEST_SEQUENCE = 1 << 20;

    /// The section left out.
    public static final DataOptions DEFAULT =
            new DataOptions(List.of(), OptionalInt.empty(), 2048, Packing.NONE, OptionalLong.empty(), true);

    /// How documents become sequences.
    public enum Packing {
        /// One document, one sequence; what exceeds the length is cut off and counted.
        NONE,
        /// Documents are joined, an end-of-text token between two, and cut into sequences of the full length.
        CONCATENATE
    }

    /// @throws IllegalArgumentException if a count is outside its range
    public DataOptions {
        sources = List.copyOf(sources);
        if (sequenceLength < 1 || sequenceLength > LONGEST_SEQUENCE) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT, "sequence length must be 1 to %d, found %d", LONGEST_SEQUENCE, sequenceLength));
        }
        if (maxSequences.isPresent() && maxSequences.getAsInt() < 1) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "max sequences must be at least 1, found %d", maxSequences.getAsInt()));
        }
    }

    /// Returns the same for other sources.
    public DataOptions withSources(List<DataSource> others) {
        return new DataOptions(others, maxSequences, sequenceLength, packing, seed, addSpecialTokens);
    }

    /// Returns the same with so many sequences at most.
    public DataOptions withMaxSequences(OptionalInt most) {
        return new DataOptions(sources, most, sequenceLength, packing, seed, addSpecialTokens);
    }

    /// Returns the same with sequences of this length at most.
    public DataOptions withSequenceLength(int length) {
        return new DataOptions(sources, maxSequences, length, packing, seed, addSpecialTokens);
    }

    /// Returns the files of all sources, in order.
    ///
    /// @throws CorpusException if a directory or a glob holds none
    public List<Path> files() {
        return sources.stream().flatMap(source -> source.files().stream()).toList();
    }

    /// Returns the sources as text; "none" if there are none.
    public String place() {
        return sources.isEmpty()
                ? "none"
                : sources.stream().map(DataSource::text).collect(Collectors.joining(", "));
    }

    /// Returns the options with their values as text, by the names that the recipe has for them.
    public SortedMap<String, String> texts() {
        SortedMap<String, String> texts = new TreeMap<>();
        texts.put("path", place());
        texts.put("max_sequences", maxSequences.isPresent() ? Integer.toString(maxSequences.getAsInt()) : "all");
        texts.put("sequence_length", Integer.toString(sequenceLength));
        texts.put("packing", packing.name().toLowerCase(Locale.ROOT));
        texts.put("seed", seed.isPresent() ? Long.toString(seed.getAsLong()) : "none");
        texts.put("add_special_tokens", Boolean.toString(addSpecialTokens));
        return texts;
    }
}
