package io.github.steelyard.export;

import io.github.steelyard.checkpoint.AtomicFiles;
import io.github.steelyard.checkpoint.ConfigJson;
import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.ShardPlan;
import io.github.steelyard.checkpoint.StorageException;
import io.github.steelyard.model.Decoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.LongConsumer;

/// Writes a checkpoint of random weights in the shape of a config: for benchmarks, and to try a recipe on a model's
/// real shape. Equal configs, formats and seeds give equal bytes; each tensor's values depend on the seed and its name
/// alone.
///
/// @param config the model's config, with the number of layers already set
/// @param format how the linear layers are stored
/// @param seed where the random numbers begin
/// @param shardBytes bytes of tensors after which a new file begins
public record Synthesis(ConfigJson config, SyntheticFormat format, long seed, long shardBytes) {

    /// Writes the checkpoint.
    ///
    /// @param directory where; must be empty or not there yet
    /// @param decoder the model of the config
    /// @param progress told how many bytes were written since it was told last
    /// @throws StorageException if it cannot be written
    public void write(Path directory, Function<ConfigJson, Decoder> decoder, LongConsumer progress) {
        SyntheticTensors tensors = new SyntheticTensors(decoder.apply(config), format, seed);
        try {
            Files.createDirectories(directory);
            try (var files = Files.list(directory)) {
                if (files.findAny().isPresent()) {
                    throw new StorageException(directory, new IOException("the directory is not empty"));
                }
            }
        } catch (IOException e) {
            throw new StorageException(directory, e);
        }
        Iterator<SyntheticTensors.Synthetic> next = tensors.all().iterator();
        List<SafetensorsWriter.Planned> planned =
                tensors.all().stream().map(SyntheticTensors.Synthetic::planned).toList();
        ShardPlan plan = ShardPlan.of(planned, shardBytes);
        for (ShardPlan.Shard shard : plan.shards()) {
            Path file = directory.resolve(shard.fileName());
            try (SafetensorsWriter writer =
                    SafetensorsWriter.create(file, shard.tensors(), Map.of("format", "pt", "synthetic", "true"))) {
                for (SafetensorsWriter.Planned tensor : shard.tensors()) {
                    next.next().filler().fill(piece -> {
                        writer.append(tensor.name(), piece);
                        progress.accept(piece.byteSize());
                    });
                    writer.end(tensor.name());
                }
                writer.finish();
            }
        }
        AtomicFiles.write(directory.resolve("config.json"), config.copy().toPrettyString() + "\n");
        if (format != SyntheticFormat.BF16) {
            AtomicFiles.write(directory.resolve("hf_quant_config.json"), tensors.quantization());
        }
        plan.writeIndex(directory);
    }
}
