package io.github.steelyard.checkpoint;

import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/// A checkpoint directory in the layout of the Hugging Face hub: `config.json` and one or more safetensors files.
///
/// Opening reads the headers and no data, so that a terabyte opens as fast as its headers; every shard is mapped when
/// its first tensor is asked for. Thread-safe until [#close], after which no bytes may be used.
public final class Checkpoint implements AutoCloseable {

    private final Path directory;
    private final ConfigJson config;
    private final QuantizationConfig quantization;
    private final Map<Path, SafetensorsFile> shards; // in the order of their names
    private final NavigableMap<String, TensorInfo> tensors;
    private final List<Finding> findings;
    private final Optional<Planned> planned;

    /// What a checkpoint that is not written yet has in place of files.
    private record Planned(Optional<ConfigJson> separate, Function<String, MemorySegment> bytes) {}

    private Checkpoint(Planned planned, Path directory, ConfigJson config, Collection<TensorInfo> tensors) {
        this.directory = directory;
        this.config = config;
        this.quantization = QuantizationConfig.of(config, planned.separate);
        NavigableMap<String, TensorInfo> byName = new TreeMap<>();
        tensors.forEach(tensor -> byName.put(tensor.name(), tensor));
        this.tensors = Collections.unmodifiableNavigableMap(byName);
        this.findings = quantization.findings();
        this.shards = Map.of();
        this.planned = Optional.of(planned);
    }

    private Checkpoint(Path directory, ConfigJson config, QuantizationConfig quantization, Shards shards) {
        this.directory = directory;
        this.config = config;
        this.quantization = quantization;
        this.tensors = Collections.unmodifiableNavigableMap(new TreeMap<>(shards.tensors()));
        List<Finding> all = new ArrayList<>(shards.findings());
        all.addAll(quantization.findings());
        this.findings = List.copyOf(all);
        Map<Path, SafetensorsFile> files = new LinkedHashMap<>();
        shards.files().forEach(shard -> files.put(shard.file(), shard));
        this.shards = Collections.unmodifiableMap(files);
        this.planned = Optional.empty();
    }

    /// Returns a checkpoint that lies nowhere yet, for those who want to look at what would be written.
    ///
    /// @param directory what messages call it
    /// @param separate `hf_quant_config.json`, if there will be one
    /// @param bytes returns the bytes of a tensor, by name
    /// @throws CheckpointException if the configs are not sound
    public static Checkpoint planned(
            Path directory,
            ConfigJson config,
            Optional<ConfigJson> separate,
            Collection<TensorInfo> tensors,
            Function<String, MemorySegment> bytes) {
        return new Checkpoint(new Planned(separate, bytes), directory, config, tensors);
    }

    /// Opens the checkpoint in `directory`.
    ///
    /// @throws CheckpointException if a file that it needs is missing or not sound
    public static Checkpoint open(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new CheckpointException(directory, Files.exists(directory) ? "not a directory" : "no such directory");
        }
        ConfigJson config = ConfigJson.read(directory.resolve("config.json"));
        Path separate = directory.resolve("hf_quant_config.json");
        QuantizationConfig quantization = QuantizationConfig.of(
                config, isThere(separate) ? Optional.of(ConfigJson.read(separate)) : Optional.empty());
        return new Checkpoint(directory, config, quantization, Shards.open(directory));
    }

    /// Returns the directory as it was given.
    public Path directory() {
        return directory;
    }

    /// Returns `config.json`.
    public ConfigJson config() {
        return config;
    }

    /// Reads another JSON file of the directory, if it is there.
    ///
    /// @throws CheckpointException if it is there and not sound
    public Optional<ConfigJson> json(String fileName) {
        if (planned.isPresent() && fileName.equals("hf_quant_config.json")) {
            return planned.get().separate();
        }
        Path file = directory.resolve(fileName);
        return isThere(file) ? Optional.of(ConfigJson.read(file)) : Optional.empty();
    }

    // A dangling link counts as there: it is reported, not passed over.
    private static boolean isThere(Path file) {
        return Files.exists(file, LinkOption.NOFOLLOW_LINKS);
    }

    /// Returns what the configs say about quantization.
    public QuantizationConfig quantization() {
        return quantization;
    }

    /// Returns the safetensors files, in the order of their names.
    public List<Path> shards() {
        return List.copyOf(shards.keySet());
    }

    /// Returns all tensors by name.
    public NavigableMap<String, TensorInfo> tensors() {
        return tensors;
    }

    /// Returns whether there is a tensor of this name.
    public boolean has(String name) {
        return tensors.containsKey(name);
    }

    /// Returns the tensor of this name.
    ///
    /// @throws CheckpointException if there is none
    public TensorInfo tensor(String name) {
        TensorInfo tensor = tensors.get(name);
        if (tensor == null) {
            throw new CheckpointException(directory, "tensor %s is missing".formatted(Printable.quoted(name)));
        }
        return tensor;
    }

    /// Returns the tensor's bytes, little-endian, read-only, valid until [#close].
    ///
    /// @throws CheckpointException if the file is no longer the one that was opened
    public MemorySegment bytes(TensorInfo tensor) {
        if (planned.isPresent()) {
            return planned.get().bytes().apply(tensor.name());
        }
        SafetensorsFile shard = shards.get(tensor.file());
        if (shard == null) {
            throw new IllegalArgumentException("tensor %s is not of %s".formatted(tensor.name(), directory));
        }
        return shard.bytes(tensor);
    }

    /// Returns what is odd but harmless about the files.
    public List<Finding> findings() {
        return findings;
    }

    @Override
    public void close() {
        shards.values().forEach(SafetensorsFile::close);
    }
}
