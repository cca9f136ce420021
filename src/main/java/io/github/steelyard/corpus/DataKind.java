package io.github.steelyard.corpus;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What a data file holds, by its name.
///
/// @param form how documents lie in it
/// @param compression how its bytes are packed
record DataKind(Form form, Compression compression) {

    /// How documents lie in a file.
    enum Form {
        /// One JSON object on each line.
        LINES("\\.(jsonl|ndjson)"),
        /// One document, to be cut.
        TEXT("\\.(txt|text|md)");

        private final String ending; // a regular expression

        Form(String ending) {
            this.ending = ending;
        }
    }

    /// How the bytes of a file are packed.
    enum Compression {
        NONE(""),
        GZIP("\\.gz"),
        ZSTD("\\.zst");

        private final String ending; // a regular expression

        Compression(String ending) {
            this.ending = ending;
        }
    }

    private static final List<String> OTHER_COMPRESSIONS =
            List.of(".bz2", ".xz", ".zip", ".lz4", ".tar", ".tgz", ".7z");

    /// Returns the kind of a file; empty if its name tells none.
    static Optional<DataKind> of(Path file) {
        String name = name(file);
        for (Compression compression : Compression.values()) {
            for (Form form : Form.values()) {
                if (name.matches("(?s).*" + form.ending + compression.ending)) {
                    return Optional.of(new DataKind(form, compression));
                }
            }
        }
        return Optional.empty();
    }

    /// Returns the kind of a file.
    ///
    /// @throws CorpusException if its name tells none
    static DataKind required(Path file) {
        return of(file).orElseThrow(() -> {
            String name = name(file);
            Optional<String> other =
                    OTHER_COMPRESSIONS.stream().filter(name::endsWith).findFirst();
            return new CorpusException(
                    file,
                    other.map(ending ->
                                    "data in '%s' is not read; unpack it, or pack it as .gz or .zst".formatted(ending))
                            .orElse("unknown kind of data; expected a name ending in .jsonl or .txt, or one of these"
                                    + " with .gz or .zst after it"));
        });
    }

    /// Returns whether a file in a directory of data is data. A page that describes the directory is not.
    static boolean isData(Path file) {
        return of(file).isPresent()
                && !name(file).contains(".md")
                && !name(file).startsWith(".");
    }

    /// Returns whether a run on the file alone says no more of it than the digest of its sequences.
    boolean isPlain() {
        return compression == Compression.NONE;
    }

    private static String name(Path file) {
        return String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
    }
}
