package io.github.steelyard.checkpoint;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.FileProblem;
import io.github.steelyard.files.Printable;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/// The safetensors files of a directory that its index does not list: a prediction layer published later, shards of an
/// older sharding, the same model in another layout.
///
/// @param directory the directory
/// @param listed names of the files that are read anyway
record FilesBeside(Path directory, Collection<String> listed) {

    private static final String SUFFIX = "*.safetensors";

    /// Beginnings of files that hold the same model under other names, or no model.
    private static final List<String> OTHER_LAYOUTS = List.of("consolidated", "adapter_model");

    /// Returns the files by name.
    TreeMap<String, Path> files() {
        TreeMap<String, Path> files = new TreeMap<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory, SUFFIX)) {
            for (Path entry : entries) {
                String name = String.valueOf(entry.getFileName());
                if (!listed.contains(name) && !name.startsWith(".")) {
                    files.put(name, entry);
                }
            }
        } catch (IOException e) {
            throw FileProblem.describe(directory, e);
        }
        return files;
    }

    /// Reads those with tensors that nobody else has, and says what was read and what was not.
    void read(Opening opening) {
        Map<String, List<String>> names = new TreeMap<>(); // by the reason why they are not read, "" for those that are
        files().forEach((name, file) -> names.computeIfAbsent(
                        reasonAgainst(name, file, opening), reason -> new ArrayList<>())
                .add(name));
        names.forEach((reason, files) -> opening.warn(
                reason.isEmpty() ? "file-unlisted" : "file-unread",
                files.getFirst(),
                String.format(
                        Locale.ROOT,
                        "%s: %d safetensors file(s) that no index lists %s: %s",
                        Printable.of(directory),
                        files.size(),
                        reason.isEmpty()
                                ? "are read all the same, and carried into an export"
                                : "are not read (%s)".formatted(reason),
                        Printable.list(files))));
    }

    /// Opens the file if it belongs to the model; returns why not, or nothing.
    private static String reasonAgainst(String name, Path file, Opening opening) {
        if (OTHER_LAYOUTS.stream().anyMatch(name::startsWith)) {
            return "the model in another layout, or an adapter";
        }
        try {
            return opening.openIfNew(file) ? "" : "other files have their tensors, or other values for them";
        } catch (CheckpointException e) {
            return e.problem();
        }
    }
}
