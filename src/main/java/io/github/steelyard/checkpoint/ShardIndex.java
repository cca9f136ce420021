package io.github.steelyard.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.FileProblem;
import io.github.steelyard.files.Printable;
import io.github.steelyard.files.StrictJson;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/// `model.safetensors.index.json`: which shard holds which tensor.
///
/// @param shardOf the shard's file name for each tensor
/// @param totalSize the bytes of all tensors as the index says, if it says so
/// @param oddSize whether there is a total size that is not a whole number of at least 0
record ShardIndex(Map<String, String> shardOf, OptionalLong totalSize, boolean oddSize) {

    static final String FILE_NAME = "model.safetensors.index.json";

    private static final long LARGEST = 256L << 20; // bytes
    private static final int MOST_TENSORS = 2_000_000;
    private static final int MOST_SHARDS = 100_000;

    /// Reads and checks an index.
    ///
    /// @throws CheckpointException if it is not sound, or if a shard's name leaves the directory
    static ShardIndex read(Path file) {
        long size = FileProblem.regularFile(file).size();
        if (size > LARGEST) {
            throw new CheckpointException(
                    file, String.format(Locale.ROOT, "%d bytes: more than the limit of %d", size, LARGEST));
        }
        try (Reader text = Files.newBufferedReader(file, StandardCharsets.UTF_8);
                JsonParser parser = StrictJson.parser(text)) {
            return new Reading(file, parser).read();
        } catch (JsonProcessingException e) {
            throw StrictJson.invalid(file, "JSON", e);
        } catch (CharacterCodingException e) {
            throw new CheckpointException(file, "not valid UTF-8", e);
        } catch (IOException e) {
            throw FileProblem.describe(file, e);
        }
    }

    private static final class Reading {

        private final Path file;
        private final JsonParser parser;
        private final Map<String, String> shardOf = new HashMap<>();
        private final Map<String, String> shards = new HashMap<>(); // one instance of each checked name
        private OptionalLong totalSize = OptionalLong.empty();
        private boolean oddSize;

        Reading(Path file, JsonParser parser) {
            this.file = file;
            this.parser = parser;
        }

        ShardIndex read() throws IOException {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new CheckpointException(file, "not a JSON object at its top level");
            }
            Set<String> seen = new HashSet<>();
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String key = parser.currentName();
                if (!seen.add(key)) {
                    throw new CheckpointException(file, "duplicate key %s".formatted(Printable.quoted(key)));
                }
                parser.nextToken();
                switch (key) {
                    case "weight_map" -> readWeightMap();
                    case "metadata" -> readMetadata();
                    default -> parser.skipChildren();
                }
            }
            StrictJson.requireEnd(file, parser);
            if (shardOf.isEmpty()) {
                throw new CheckpointException(
                        file, seen.contains("weight_map") ? "weight_map lists no tensor" : "no weight_map");
            }
            return new ShardIndex(Map.copyOf(shardOf), totalSize, oddSize);
        }

        private void readWeightMap() throws IOException {
            if (parser.currentToken() != JsonToken.START_OBJECT) {
                throw new CheckpointException(file, "weight_map must map tensor names to file names");
            }
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String tensor = parser.currentName();
                if (parser.nextToken() != JsonToken.VALUE_STRING) {
                    throw new CheckpointException(
                            file,
                            "weight_map: the value of tensor %s is not a string".formatted(Printable.quoted(tensor)));
                }
                String shard = shard(tensor, parser.getText());
                if (shardOf.put(tensor, shard) != null) {
                    throw new CheckpointException(
                            file, "duplicate key %s in weight_map".formatted(Printable.quoted(tensor)));
                }
                if (shardOf.size() > MOST_TENSORS || shards.size() > MOST_SHARDS) {
                    throw new CheckpointException(
                            file,
                            String.format(
                                    Locale.ROOT,
                                    "weight_map lists more than %d tensors or %d shards",
                                    MOST_TENSORS,
                                    MOST_SHARDS));
                }
            }
        }

        private String shard(String tensor, String name) {
            String known = shards.get(name);
            if (known != null) {
                return known;
            }
            String problem = problemOf(name);
            if (!problem.isEmpty()) {
                throw new CheckpointException(
                        file,
                        "weight_map: the shard of tensor %s, %s, %s"
                                .formatted(Printable.quoted(tensor), Printable.quoted(name), problem));
            }
            shards.put(name, name);
            return name;
        }

        private static String problemOf(String name) {
            if (name.isEmpty()) {
                return "is an empty name";
            }
            if (name.indexOf('\\') >= 0 || name.chars().anyMatch(Character::isISOControl)) {
                return "holds a backslash or a control character";
            }
            Path path;
            try {
                path = Path.of(name);
            } catch (InvalidPathException e) {
                return "is not a file name";
            }
            if (path.isAbsolute()) {
                return "is an absolute path";
            }
            for (Path part : path) {
                if (part.toString().equals("..")) {
                    return "leaves the checkpoint's directory";
                }
            }
            return path.normalize().toString().equals(name) ? "" : "is not a plain file name";
        }

        private void readMetadata() throws IOException {
            if (parser.currentToken() != JsonToken.START_OBJECT) {
                parser.skipChildren();
                return;
            }
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String key = parser.currentName();
                parser.nextToken();
                if (key.equals("total_size")) {
                    readTotalSize();
                } else {
                    parser.skipChildren();
                }
            }
        }

        private void readTotalSize() throws IOException {
            boolean whole = parser.currentToken() == JsonToken.VALUE_NUMBER_INT
                    && parser.getBigIntegerValue().signum() >= 0
                    && parser.getBigIntegerValue().bitLength() < Long.SIZE;
            if (whole) {
                totalSize = OptionalLong.of(parser.getLongValue());
            } else {
                oddSize = true;
                parser.skipChildren();
            }
        }
    }
}
