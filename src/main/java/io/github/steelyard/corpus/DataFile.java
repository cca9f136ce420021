package io.github.steelyard.corpus;

import java.nio.file.Path;

/// A file that sequences came from.
///
/// @param path where it lies
/// @param digest SHA-256 of its bytes as they lie there, in hexadecimal digits
/// @param documents its documents that are wholly or partly used
/// @param tokens its tokens that are used
public record DataFile(Path path, String digest, long documents, long tokens) {

    /// Returns whether the file lies there as it is read.
    public boolean isPlain() {
        return DataKind.required(path).isPlain();
    }
}
