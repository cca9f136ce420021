package io.github.steelyard.adapter;

import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.weights.LowRank;
import io.github.steelyard.weights.Weights;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
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
    private final Map<ModuleInfo, Pairs.Stored> heads;

    /// What is added to one module.
    ///
    /// @param rank its rank
    /// @param matrices its matrices, for one copy of the text
    record Factors(int rank, IntFunction<LowRank> matrices) {}

    private Adapter(
            String name,
            String digest,
            SafetensorsFile file,
            Map<String, Factors> byModule,
            Map<ModuleInfo, Pairs.Stored> heads) {
        this.name = name;
        this.digest = digest;
        this.file = file;
        this.byModule = byModule;
        this.heads = heads;
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
            Placement placement = new Placement(config, Pairs.of(file), weights, modules);
            Map<String, Factors> byModule = placement.place();
            String digest = Digests.ofText("%s  %s\n%s  %s\n"
                    .formatted(Digests.ofFile(config.file()), CONFIG, Digests.ofFile(weights), WEIGHTS));
            opened = true;
            return new Adapter(nameOf(directory), digest, file, byModule, placement.heads());
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

    /// Refuses a model whose head is not the one that the adapter was saved with. PEFT puts the saved one in its place,
    /// servers leave the model's.
    void requireOwnHead(Weights model) {
        heads.forEach((head, saved) -> {
            if (!isSame(head, saved, model)) {
                throw new CheckpointException(
                        file.file(),
                        "tensor %s: is not the weight of the model's %s; an adapter that brings a weight of its own is"
                                        .formatted(
                                                Printable.quoted(saved.tensor().name()), head.name())
                                + " not computed");
            }
        });
    }

    private static boolean isSame(ModuleInfo head, Pairs.Stored saved, Weights model) {
        if (!model.stored().checkpoint().has(head.name() + ".weight")) {
            return false;
        }
        StoredWeight own = model.plain(head.name() + ".weight", head.rows(), head.columns());
        float[] wanted = new float[head.columns()];
        float[] found = new float[head.columns()];
        for (int row = 0; row < head.rows(); row++) {
            own.decodeRows(row, row + 1, wanted, 0);
            saved.values().decodeRows(row, row + 1, found, 0);
            if (!Arrays.equals(wanted, found)) {
                return false;
            }
        }
        return true;
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
