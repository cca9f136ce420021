package io.github.steelyard.testing;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.model.Linear;
import io.github.steelyard.synthesis.Synthesis;
import io.github.steelyard.synthesis.SyntheticFormat;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.FusedStack;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Checkpoints of random weights in the shape of published models, so small that a test can run them. They need
/// no shared data.
public final class SmallCheckpoint {

    private static final Map<String, Integer> EXTENTS = Map.ofEntries(
            Map.entry("hidden_size", 64),
            Map.entry("head_dim", 16),
            Map.entry("num_attention_heads", 4),
            Map.entry("num_key_value_heads", 2),
            Map.entry("intermediate_size", 32),
            Map.entry("intermediate_size_mlp", 96),
            Map.entry("moe_intermediate_size", 32),
            Map.entry("num_experts", 4),
            Map.entry("num_local_experts", 4),
            Map.entry("vocab_size", 160));
    private static final int LAYERS = 2;
    private static final int MOST_EXPERTS_OF_A_TOKEN = 2;

    private SmallCheckpoint() {}

    /// Writes a checkpoint of BF16 weights.
    ///
    /// @param model whose config in `src/test/resources/configs` is shrunk
    /// @param directory an existing one, in which `bf16` is created
    /// @return where it lies
    public static Path write(String model, Path directory) {
        return write(model, SyntheticFormat.BF16, directory);
    }

    /// Writes the same in another format, into a directory of its name.
    public static Path write(String model, SyntheticFormat format, Path directory) {
        return write(model, format, directory, Map.of());
    }

    /// Writes the same with other extents.
    ///
    /// @param extents keys of the config, which must be there
    public static Path write(String model, SyntheticFormat format, Path directory, Map<String, Integer> extents) {
        ConfigJson config = Synthesis.withLayers(PublishedConfig.of(model, directory), LAYERS)
                .with(root -> {
                    ObjectNode text = ConfigJson.textModelOf(root);
                    EXTENTS.forEach((key, extent) -> {
                        if (text.has(key)) {
                            text.put(key, extent);
                        }
                    });
                    int chosen = text.path("num_experts_per_tok").asInt();
                    text.put("num_experts_per_tok", Math.min(chosen, MOST_EXPERTS_OF_A_TOKEN));
                    extents.forEach((key, extent) -> {
                        if (!text.has(key)) {
                            throw new AssertionError(key);
                        }
                        text.put(key, extent);
                    });
                });
        Path written = directory.resolve(format.label());
        new Synthesis(config, Families.of(config), format, 1, Long.MAX_VALUE, Optional.empty(), 0)
                .write(written, bytes -> {});
        return written;
    }

    /// Copies a checkpoint and reverses the order of the values in the weights of some modules.
    ///
    /// @param modules names of linear layers; of experts in one tensor, all that share a matrix
    public static Path altered(Path original, Path target, Set<String> modules) {
        try (Checkpoint checkpoint = Checkpoint.open(original)) {
            Files.createDirectory(target);
            for (String name : Set.of("config.json", "model.safetensors")) {
                Files.copy(original.resolve(name), target.resolve(name));
            }
            for (Linear linear : Families.of(checkpoint).linears()) {
                if (modules.contains(linear.info().name())) {
                    reverse(linear, checkpoint, target.resolve("model.safetensors"));
                }
            }
            return target;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Writes a checkpoint whose experts lie one by one as transformers 5 saves them: gate and up of all experts of a
    /// layer in one tensor, down in another.
    public static Path resaved(Path original, Path target) {
        try (Checkpoint checkpoint = Checkpoint.open(original)) {
            Files.createDirectory(target);
            Files.copy(original.resolve("config.json"), target.resolve("config.json"));
            SequencedMap<Planned, MemorySegment> tensors = new LinkedHashMap<>();
            for (TensorInfo tensor : checkpoint.tensors().values()) {
                if (!tensor.name().contains(".experts.")) {
                    tensors.put(
                            new Planned(tensor.name(), tensor.dtype(), tensor.shape()),
                            MemorySegment.ofArray(checkpoint.bytes(tensor).toArray(ValueLayout.JAVA_BYTE)));
                }
            }
            for (int layer = 0; layer < LAYERS; layer++) {
                String experts = "model.layers.%d.mlp.experts.".formatted(layer);
                putTogether(checkpoint, experts, List.of("gate", "up"), tensors);
                putTogether(checkpoint, experts, List.of("down"), tensors);
            }
            SafetensorsWriter.write(
                    target.resolve("model.safetensors"),
                    List.copyOf(tensors.keySet()),
                    Map.of(),
                    List.copyOf(tensors.values()));
            return target;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void putTogether(
            Checkpoint checkpoint, String name, List<String> parts, Map<Planned, MemorySegment> tensors) {
        int experts = Objects.requireNonNull(EXTENTS.get("num_experts"));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        long rows = 0;
        long columns = 0;
        for (int expert = 0; expert < experts; expert++) {
            for (String part : parts) {
                TensorInfo tensor = checkpoint.tensor("%s%d.%s_proj.weight".formatted(name, expert, part));
                bytes.writeBytes(checkpoint.bytes(tensor).toArray(ValueLayout.JAVA_BYTE));
                rows += tensor.shape().dim(0);
                columns = tensor.shape().dim(1);
            }
        }
        tensors.put(
                new Planned(
                        name + String.join("_", parts) + "_proj",
                        DType.BF16,
                        Shape.of(experts, rows / experts, columns)),
                MemorySegment.ofArray(bytes.toByteArray()));
    }

    /// Returns the modules of the last layer whose names end so.
    public static Set<String> inLastLayer(Path directory, String... ends) {
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            Set<String> names = Families.of(checkpoint).linears().stream()
                    .map(linear -> linear.info().name())
                    .filter(name -> Stream.of(ends).anyMatch(end -> name.endsWith((LAYERS - 1) + "." + end)))
                    .collect(Collectors.toSet());
            if (names.size() != ends.length) {
                throw new AssertionError("of %s there are %s".formatted(List.of(ends), names));
            }
            return names;
        }
    }

    /// Returns the weights of these modules.
    public static Map<String, StoredWeight> weights(Checkpoint checkpoint, Set<String> modules) {
        return Families.of(checkpoint).linears().stream()
                .filter(linear -> modules.contains(linear.info().name()))
                .collect(Collectors.toMap(
                        linear -> linear.info().name(), linear -> linear.open(new CheckpointWeights(checkpoint))));
    }

    // The bytes come from the original, so that a matrix of two modules is reversed once though it is written twice.
    private static void reverse(Linear linear, Checkpoint original, Path file) throws IOException {
        Optional<FusedStack.Member> member =
                linear.source() instanceof Linear.Stacked stacked ? Optional.of(stacked.member()) : Optional.empty();
        TensorInfo tensor = original.tensor(
                member.map(place -> place.stack().tensor()).orElse(linear.info().name() + ".weight"));
        long bytes =
                tensor.byteSize() / member.map(place -> place.stack().count()).orElse(1);
        long from = bytes * member.map(FusedStack.Member::index).orElse(0);
        byte[] values = original.bytes(tensor).asSlice(from, bytes).toArray(ValueLayout.JAVA_BYTE);
        byte[] reversed = new byte[values.length];
        for (int i = 0; i < values.length; i += Short.BYTES) {
            reversed[values.length - 2 - i] = values[i];
            reversed[values.length - 1 - i] = values[i + 1];
        }
        try (RandomAccessFile target = new RandomAccessFile(file.toFile(), "rw")) {
            target.seek(tensor.offset() + from);
            target.write(reversed);
        }
    }
}
