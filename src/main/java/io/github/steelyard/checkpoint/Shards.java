package io.github.steelyard.checkpoint;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.FileProblem;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The safetensors files of a checkpoint directory, found, opened and checked against their index.
///
/// @param files the open files, in the order of their names
/// @param tensors all tensors by name
/// @param findings what is odd but harmless
record Shards(List<SafetensorsFile> files, Map<String, TensorInfo> tensors, List<Finding> findings) {

    static final String SINGLE = "model.safetensors";

    /// Opens what the directory holds: `model.safetensors`, or the shards of the index, and whatever else belongs to
    /// the model. Where both are there, the single file is read if it has every tensor that the index lists.
    static Shards open(Path directory) {
        Path single = directory.resolve(SINGLE);
        Path index = directory.resolve(ShardIndex.FILE_NAME);
        boolean hasIndex = isThere(index);
        Opening opening = new Opening(directory);
        try {
            if (isThere(single)) {
                if (!hasIndex || opening.prefers(single, index)) {
                    opening.open(single);
                    opening.openBeside(hasIndex ? opening.shardsOf(index) : Set.of());
                } else {
                    opening.open(index, ShardIndex.read(index));
                }
            } else if (hasIndex) {
                opening.open(index, ShardIndex.read(index));
            } else {
                throw nothing(directory);
            }
            return opening.done();
        } catch (RuntimeException e) {
            opening.close();
            throw e;
        }
    }

    static boolean isThere(Path file) {
        return Files.exists(file, LinkOption.NOFOLLOW_LINKS);
    }

    private static CheckpointException nothing(Path directory) {
        List<String> others = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory, "*.{safetensors,bin,pt,pth,gguf}")) {
            for (Path entry : entries) {
                others.add(String.valueOf(entry.getFileName()));
            }
        } catch (IOException e) {
            return FileProblem.describe(directory, e);
        }
        String found = others.isEmpty() ? "neither" : Printable.list(others);
        return new CheckpointException(
                directory,
                "no safetensors checkpoint: wanted %s or %s, found %s".formatted(SINGLE, ShardIndex.FILE_NAME, found));
    }
}
