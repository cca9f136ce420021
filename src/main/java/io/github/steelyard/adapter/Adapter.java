package io.github.steelyard.adapter;

import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.weights.LowRank;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;

/// A LoRA adapter in a directory as PEFT saves it, for one model: `adapter_config.json`, `adapter_model.safetensors`.
public final class Adapter implements AutoCloseable {

    private static final String CONFIG = "adapter_config.json";
    private static final String WEIGHTS = "adapter_model.safetensors";
    private static final String PICKLE = "adapter_model.bin";

    private final String name;
    private final String digest;
    private final SafetensorsFile file;
    private final Map<String, Factors> byModule;

    /// What is added to one module.
    ///
    /// @param rank its rank
    /// @param matrices its matrices, for one copy of the text
    record Factors(int rank, IntFunction<LowRank> matrices) {}

    private Adapter(String name, String digest, SafetensorsFile file, Map<String, Factors> byModule) {
        this.name = name;
        this.digest = digest;
        this.file = file;
        this.byModule = byModule;
    }

    /// Opens an adapter. Its matrices stay in their file.
    ///
    /// @param modules the linear layers of the model
    /// @throws CheckpointException if it is none, or wants what is not computed, or does not fit the model
    public static Adapter open(Path directory, List<ModuleInfo> modules) {
        Path weights = directory.resolve(WEIGHTS);
        if (!Files.exists(weights) && Files.exists(directory.resolve(PICKLE))) {
            throw new CheckpointException(
                    directory.resolve(PICKLE), "a pickle, which is not read; save the adapter as " + WEIGHTS);
        }
        AdapterConfig config = AdapterConfig.read(directory.resolve(CONFIG));
        SafetensorsFile file = SafetensorsFile.open(weights);
        boolean opened = false;
        try {
            Map<String, Factors> byModule = new Placement(config, Pairs.of(file), weights, modules).place();
            String digest = Digests.ofText("%s  %s\n%s  %s\n"
                    .formatted(Digests.ofFile(config.file()), CONFIG, Digests.ofFile(weights), WEIGHTS));
            opened = true;
            return new Adapter(nameOf(directory), digest, file, byModule);
        } finally {
            if (!opened) {
                file.close();
            }
        }
    }

    private static String nameOf(Path directory) {
        return Printable.of(
                String.valueOf(directory.toAbsolutePath().normalize().getFileName()));
    }

    /// Returns the name of its directory.
    public String name() {
        return name;
    }

    /// Returns the SHA-256 of what decides what it computes: one line for each of its two files, as `sha256sum` prints.
    public String digest() {
        return digest;
    }

    /// Returns how many linear layers it adds to.
    public int modules() {
        return byModule.size();
    }

    /// Returns what is added to the product of a module, in one copy of the text, if it is adapted.
    Optional<LowRank> in(int variant, String module) {
        return Optional.ofNullable(byModule.get(module))
                .map(factors -> factors.matrices().apply(variant));
    }

    /// Returns the rank of what is added to a module, if it is adapted.
    Optional<Integer> rank(String module) {
        return Optional.ofNullable(byModule.get(module)).map(Factors::rank);
    }

    @Override
    public void close() {
        file.close();
    }
}
