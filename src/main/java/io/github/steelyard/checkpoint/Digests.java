package io.github.steelyard.checkpoint;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.FileProblem;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// SHA-256 digests of files and of whole checkpoints.
public final class Digests {

    private static final int CHUNK = 1 << 20; // bytes

    private Digests() {}

    /// The digest of one file, and what tells whether the file may have changed since.
    ///
    /// @param name the file's name inside its directory
    /// @param size its size in bytes
    /// @param modified its modification time in milliseconds since 1970
    /// @param sha256 its SHA-256 in 64 lower-case hexadecimal digits
    public record FileDigest(String name, long size, long modified, String sha256) {}

    /// The digest of a checkpoint.
    ///
    /// @param sha256 the digest over names and digests of all files: see [#checkpoint]
    /// @param files the files in the order of their names
    public record CheckpointDigest(String sha256, List<FileDigest> files) {

        public CheckpointDigest {
            files = List.copyOf(files);
        }
    }

    /// Returns the SHA-256 of a text's UTF-8 bytes in lower-case hexadecimal digits.
    public static String ofText(String text) {
        return HexFormat.of().formatHex(sha256().digest(text.getBytes(StandardCharsets.UTF_8)));
    }

    /// Returns the SHA-256 of a file's content in lower-case hexadecimal digits.
    ///
    /// @throws CheckpointException if it cannot be read
    public static String ofFile(Path file) {
        FileProblem.regularFile(file);
        MessageDigest digest = sha256();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK);
            while (channel.read(chunk) >= 0) {
                digest.update(chunk.flip());
                chunk.clear();
            }
        } catch (IOException e) {
            throw FileProblem.describe(file, e);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /// Returns the digest of everything that decides what a checkpoint computes: `config.json`,
    /// `hf_quant_config.json`, the index, and every shard. It is the SHA-256 of one line per file, sorted by name,
    /// each made of the file's digest, two spaces and its name: what `sha256sum` prints.
    ///
    /// @param threads how many files are read at once
    /// @param known digests of an earlier call; one is taken over for a file whose size and modification time are the
    ///     same, so that an unchanged terabyte is not read again
    /// @throws CheckpointException if a file cannot be read
    public static CheckpointDigest checkpoint(Checkpoint checkpoint, int threads, List<FileDigest> known) {
        Map<String, FileDigest> earlier = new LinkedHashMap<>();
        known.forEach(digest -> earlier.put(digest.name(), digest));
        Map<String, Future<FileDigest>> running = new TreeMap<>();
        List<FileDigest> files = new ArrayList<>();
        ExecutorService workers = Executors.newFixedThreadPool(threads);
        try {
            for (Map.Entry<String, Path> file : files(checkpoint).entrySet()) {
                String name = file.getKey();
                Path path = file.getValue();
                running.put(name, workers.submit(() -> digest(name, path, earlier)));
            }
            for (Future<FileDigest> each : running.values()) {
                files.add(each.get());
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof CheckpointException problem) {
                throw problem;
            }
            throw new IllegalStateException("a digest failed", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CheckpointException(checkpoint.directory(), "interrupted while its digest was computed", e);
        } finally {
            workers.shutdownNow();
        }
        StringBuilder lines = new StringBuilder();
        files.forEach(file ->
                lines.append(file.sha256()).append("  ").append(file.name()).append('\n'));
        return new CheckpointDigest(ofText(lines.toString()), files);
    }

    private static Map<String, Path> files(Checkpoint checkpoint) {
        Path directory = checkpoint.directory();
        Map<String, Path> files = new TreeMap<>();
        for (String name : List.of("config.json", "hf_quant_config.json", ShardIndex.FILE_NAME)) {
            if (Files.exists(directory.resolve(name))) {
                files.put(name, directory.resolve(name));
            }
        }
        for (Path shard : checkpoint.shards()) {
            files.put(directory.relativize(shard).toString(), shard);
        }
        return files;
    }

    private static FileDigest digest(String name, Path file, Map<String, FileDigest> known) {
        BasicFileAttributes attributes = FileProblem.regularFile(file);
        long modified = attributes.lastModifiedTime().toMillis();
        FileDigest earlier = known.get(name);
        if (earlier != null && earlier.size() == attributes.size() && earlier.modified() == modified) {
            return earlier;
        }
        return new FileDigest(name, attributes.size(), modified, ofFile(file));
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
