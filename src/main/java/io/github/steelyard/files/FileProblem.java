package io.github.steelyard.files;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.Optional;

/// Says what is wrong with a file in plain words, where the file system gives an error, or only the file's name.
public final class FileProblem {

    /// How every pointer begins; the format allows no more than 1024 bytes.
    private static final byte[] POINTER = "version https://git-lfs".getBytes(StandardCharsets.US_ASCII);

    private static final long LARGEST_POINTER = 1024; // bytes

    private FileProblem() {}

    /// Returns the attributes of `file` after following links.
    ///
    /// @throws CheckpointException if it is missing, not readable, a Git LFS pointer, or anything but a regular file (a
    ///     directory, a named pipe, a device): opening those can block for ever or never end
    public static BasicFileAttributes regularFile(Path file) {
        BasicFileAttributes attributes;
        try {
            attributes = Files.readAttributes(file, BasicFileAttributes.class);
        } catch (IOException e) {
            throw describe(file, e);
        }
        if (!attributes.isRegularFile()) {
            throw new CheckpointException(
                    file,
                    "not a regular file: %s".formatted(attributes.isDirectory() ? "a directory" : "a special file"));
        }
        if (attributes.size() <= LARGEST_POINTER && isPointer(file)) {
            throw new CheckpointException(
                    file, "is a Git LFS pointer, not the file itself: run 'git lfs pull' in its repository");
        }
        return attributes;
    }

    private static boolean isPointer(Path file) {
        try {
            byte[] bytes = Files.readAllBytes(file);
            return bytes.length >= POINTER.length
                    && Arrays.equals(bytes, 0, POINTER.length, POINTER, 0, POINTER.length);
        } catch (IOException e) {
            throw describe(file, e);
        }
    }

    /// Returns the exception for an error that came up while `file` was read.
    public static CheckpointException describe(Path file, IOException error) {
        boolean plain = error instanceof NoSuchFileException || error instanceof AccessDeniedException;
        return new CheckpointException(file, (plain ? "" : "cannot be read: ") + reason(file, error), error);
    }

    /// Returns why `file` is no file that text can be read from; empty if it is one. A directory, a named pipe or a
    /// device is none: opening those can block for ever or never end.
    public static Optional<String> irregularity(Path file) {
        try {
            regularFile(file);
            return Optional.empty();
        } catch (CheckpointException e) {
            return Optional.of(e.problem());
        }
    }

    /// Returns what the file system said, in a few words.
    public static String reason(Path file, IOException error) {
        if (error instanceof NoSuchFileException) {
            return Files.isSymbolicLink(file) ? "not found: it is a link to a file that does not exist" : "not found";
        }
        if (error instanceof AccessDeniedException) {
            return "permission denied";
        }
        if (error instanceof NotDirectoryException) {
            return "not a directory";
        }
        String reason = error instanceof FileSystemException e ? e.getReason() : null;
        return Printable.of(reason != null ? reason : String.valueOf(error.getMessage()));
    }
}
