package io.github.steelyard.census;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.CacheNames;
import io.github.steelyard.site.ModuleInfo;
import java.util.List;
import java.util.Optional;

/// The scales of a key and value cache, under any of the [CacheNames].
public final class CacheScales {

    private CacheScales() {}

    /// Returns the scale of keys, or of values, if the checkpoint has it.
    public static Optional<TensorInfo> find(Checkpoint checkpoint, String attention, boolean key) {
        return CacheNames.all(attention, key).stream()
                .filter(checkpoint::has)
                .findFirst()
                .map(checkpoint::tensor);
    }

    /// Returns the attention modules for which the config promises a quantised cache and the checkpoint lacks a scale.
    /// Servers take 1 for it.
    public static List<String> missing(Checkpoint checkpoint, List<ModuleInfo> modules) {
        if (checkpoint.quantization().kvCache().isEmpty()) {
            return List.of();
        }
        return modules.stream()
                .filter(module -> module.kind() == ModuleInfo.Kind.ATTENTION)
                .map(ModuleInfo::name)
                .filter(name -> find(checkpoint, name, true).isEmpty()
                        || find(checkpoint, name, false).isEmpty())
                .toList();
    }
}
