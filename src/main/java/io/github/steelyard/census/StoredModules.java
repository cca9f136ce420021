package io.github.steelyard.census;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.weights.WeightTensors;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// All tensors of a checkpoint by module.
public final class StoredModules {

    private final Map<String, StoredModule> modules = new LinkedHashMap<>();
    private final Map<String, Part> partOf = new HashMap<>(); // by tensor name
    private final Map<String, String> moduleOf = new HashMap<>(); // by tensor name

    private StoredModules(Checkpoint checkpoint) {
        Set<String> names = checkpoint.tensors().keySet();
        Map<String, Map<Part, TensorInfo>> found = new LinkedHashMap<>();
        for (TensorInfo tensor : checkpoint.tensors().values()) {
            Part.of(tensor.name(), tensor.shape().rank(), names::contains)
                    .ifPresent(place -> put(place.module(), place.part(), tensor, found));
        }
        found.forEach((name, parts) -> modules.put(name, new StoredModule(name, parts, weight(checkpoint, name))));
    }

    /// Returns the modules of `checkpoint`; no value is read.
    public static StoredModules of(Checkpoint checkpoint) {
        return new StoredModules(checkpoint);
    }

    private static Optional<WeightTensors> weight(Checkpoint checkpoint, String module) {
        try {
            boolean own = StoredNames.weight(checkpoint::has, module).isPresent();
            return Optional.of(
                    own ? WeightTensors.detect(checkpoint, module) : WeightTensors.ofStack(checkpoint, module));
        } catch (CheckpointException incomplete) {
            return Optional.empty(); // the checks say what is missing
        }
    }

    /// Returns the modules in the order of their first tensor.
    public Collection<StoredModule> all() {
        return modules.values();
    }

    /// Returns the module of this name.
    public Optional<StoredModule> find(String module) {
        return Optional.ofNullable(modules.get(module));
    }

    /// Returns the names of all modules.
    public Set<String> names() {
        return modules.keySet();
    }

    /// Returns what `tensor` is to its module, empty for biases and everything else.
    public Optional<Part> partOf(String tensor) {
        return Optional.ofNullable(partOf.get(tensor));
    }

    /// Returns the module that `tensor` is a part of, empty for biases and everything else.
    public Optional<StoredModule> moduleOf(String tensor) {
        return Optional.ofNullable(moduleOf.get(tensor)).map(modules::get);
    }

    private void put(String module, Part part, TensorInfo tensor, Map<String, Map<Part, TensorInfo>> found) {
        found.computeIfAbsent(module, name -> new EnumMap<>(Part.class)).put(part, tensor);
        moduleOf.put(tensor.name(), module);
        partOf.put(tensor.name(), part);
    }
}
