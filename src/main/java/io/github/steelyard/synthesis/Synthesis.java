package io.github.steelyard.synthesis;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.ShardPlan;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.OutputDirectory;
import io.github.steelyard.model.Decoder;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;

/// Writes a checkpoint of random weights in the shape of a config: for benchmarks, and to try a recipe on a model's
/// real shape. Equal configs, formats and seeds give equal bytes; each tensor's values depend on the seed and its name
/// alone.
///
/// @param config the model's config
/// @param decoder the model of that config
/// @param format how the linear layers are stored
/// @param seed where the random numbers begin
/// @param shardBytes bytes of tensors after which a new file begins
/// @param tokens random token ids to write besides
/// @param starved share of the experts of each layer that few tokens are sent to, from 0 to 1
public record Synthesis(
        ConfigJson config,
        Decoder decoder,
        SyntheticFormat format,
        long seed,
        long shardBytes,
        Optional<SyntheticTokens> tokens,
        double starved) {

    private static final String LAYERS = "num_hidden_layers";
    private static final String PATTERN = "hybrid_override_pattern"; // a letter for each layer
    private static final List<String> ENTRY_PER_LAYER = List.of("layer_types", "no_rope_layers");
    private static final List<String> LAYER_NUMBERS = List.of("moe_layers", "mlp_only_layers");

    /// What was written.
    ///
    /// @param tensors how many tensors
    /// @param bytes bytes of tensors
    /// @param files how many files of tensors
    public record Result(int tensors, long bytes, int files) {}

    /// Returns `config` with another number of layers: lists with an entry for each layer are repeated or cut, lists of
    /// layer numbers lose those that are gone.
    public static ConfigJson withLayers(ConfigJson config, int layers) {
        return config.with(root -> {
            ObjectNode text = ConfigJson.textModelOf(root);
            int before = Math.max(1, text.path(LAYERS).asInt());
            text.put(LAYERS, layers);
            for (String key : ENTRY_PER_LAYER) {
                if (text.get(key) instanceof ArrayNode entries && entries.size() == before) {
                    ArrayNode resized = text.putArray(key);
                    IntStream.range(0, layers).forEach(layer -> resized.add(entries.get(layer % before)));
                }
            }
            for (String key : LAYER_NUMBERS) {
                if (text.get(key) instanceof ArrayNode numbers) {
                    ArrayNode kept = text.putArray(key);
                    numbers.forEach(number -> kept.addAll(number.asInt() < layers ? List.of(number) : List.of()));
                }
            }
            if (text.path(PATTERN).asText().length() == before) {
                text.put(
                        PATTERN,
                        text.path(PATTERN).asText().repeat(layers / before + 1).substring(0, layers));
            }
        });
    }

    /// Writes the checkpoint.
    ///
    /// @param target a directory that does not exist yet, or is empty; it appears when everything is in it
    /// @param progress told how many bytes were written since it was told last
    /// @throws IllegalArgumentException if the format does not fit the model
    /// @throws io.github.steelyard.files.StorageException if it cannot be written
    public Result write(Path target, LongConsumer progress) {
        SyntheticTensors tensors = new SyntheticTensors(decoder, format, seed, starved);
        SyntheticDeclaration declaration = new SyntheticDeclaration(decoder, format);
        return OutputDirectory.write(target, directory -> {
            ShardPlan plan = writeTensors(tensors.all(), directory, progress);
            String text = declaration.in(config).copy().toPrettyString() + "\n";
            AtomicFiles.write(directory.resolve("config.json"), text);
            declaration
                    .hfQuantConfig()
                    .ifPresent(declared -> AtomicFiles.write(directory.resolve("hf_quant_config.json"), declared));
            tokens.ifPresent(ids -> ids.write(directory, decoder.vocabulary(), seed));
            plan.writeIndex(directory);
            long bytes =
                    plan.shards().stream().mapToLong(ShardPlan.Shard::byteSize).sum();
            return new Result(tensors.all().size(), bytes, plan.shards().size());
        });
    }

    private ShardPlan writeTensors(List<SyntheticTensors.Synthetic> tensors, Path directory, LongConsumer progress) {
        Iterator<SyntheticTensors.Synthetic> next = tensors.iterator();
        ShardPlan plan = ShardPlan.of(
                tensors.stream().map(SyntheticTensors.Synthetic::planned).toList(), shardBytes);
        for (ShardPlan.Shard shard : plan.shards()) {
            Path file = directory.resolve(shard.fileName());
            try (SafetensorsWriter writer =
                    SafetensorsWriter.create(file, shard.tensors(), Map.of("format", "pt", "synthetic", "true"))) {
                for (SafetensorsWriter.Planned tensor : shard.tensors()) {
                    next.next().filler().fill(piece -> {
                        writer.append(tensor.name(), piece);
                        progress.accept(piece.byteSize());
                    });
                }
                writer.finish();
            }
        }
        return plan;
    }
}
