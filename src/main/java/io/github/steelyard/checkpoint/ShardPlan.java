package io.github.steelyard.checkpoint;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.files.AtomicFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/// How the tensors of a checkpoint are spread over files: `model.safetensors`, or shards named
/// `model-00001-of-0000N.safetensors` with their index.
///
/// @param shards the files in order, each with its tensors in order
public record ShardPlan(List<Shard> shards) {

    /// One file of the plan.
    ///
    /// @param fileName the name inside the directory
    /// @param tensors its tensors in the order in which they are written
    public record Shard(String fileName, List<Planned> tensors) {

        public Shard {
            tensors = List.copyOf(tensors);
        }

        /// Returns the bytes of all its tensors.
        public long byteSize() {
            return tensors.stream().mapToLong(Planned::byteSize).sum();
        }
    }

    public ShardPlan {
        shards = List.copyOf(shards);
    }

    /// Fills one file after the other in the order given.
    ///
    /// @param limit bytes of tensors that a file holds at most; a larger tensor gets a file of its own
    public static ShardPlan of(List<Planned> tensors, long limit) {
        if (limit <= 0) {
            throw new IllegalArgumentException(String.format(Locale.ROOT, "shard limit must be positive: %d", limit));
        }
        List<List<Planned>> groups = new ArrayList<>();
        groups.add(new ArrayList<>());
        long filled = 0;
        for (Planned tensor : tensors) {
            if (filled > 0 && tensor.byteSize() > limit - filled) {
                groups.add(new ArrayList<>());
                filled = 0;
            }
            groups.getLast().add(tensor);
            filled += tensor.byteSize();
        }
        List<Shard> shards = new ArrayList<>();
        for (int i = 0; i < groups.size(); i++) {
            shards.add(new Shard(fileName(i, groups.size()), groups.get(i)));
        }
        return new ShardPlan(shards);
    }

    private static String fileName(int index, int count) {
        return count == 1
                ? Shards.SINGLE
                : String.format(Locale.ROOT, "model-%05d-of-%05d.safetensors", index + 1, count);
    }

    /// Writes `model.safetensors.index.json`, unless the plan is the single file that needs none. To be called last,
    /// when all shards are there.
    ///
    /// @throws io.github.steelyard.files.StorageException if it cannot be written
    public void writeIndex(Path directory) {
        if (shards.size() == 1 && shards.getFirst().fileName().equals(Shards.SINGLE)) {
            return;
        }
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        root.putObject("metadata")
                .put("total_size", shards.stream().mapToLong(Shard::byteSize).sum());
        Map<String, String> shardOf = new TreeMap<>();
        for (Shard shard : shards) {
            shard.tensors().forEach(tensor -> shardOf.put(tensor.name(), shard.fileName()));
        }
        ObjectNode map = root.putObject("weight_map");
        shardOf.forEach(map::put);
        AtomicFiles.write(directory.resolve(ShardIndex.FILE_NAME), pretty(root) + "\n");
    }

    private static String pretty(ObjectNode root) {
        try {
            return new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(root);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
