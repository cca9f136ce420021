package io.github.steelyard.model;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// The scales of a key and value cache under the names that exporters gave them over the years. All are multipliers:
/// `amax / 448`, one for the attention or one for each of its heads.
///
/// | name beside the attention | written by |
/// |---|---|
/// | `k_proj.k_scale`, `v_proj.v_scale` | ModelOpt; what is written here |
/// | `k_scale`, `v_scale` | compressed-tensors |
/// | `qkv_proj.k_scale`, `qkv_proj.v_scale`, `attn.k_scale`, `attn.v_scale` | checkpoints saved under a server's names
/// |
/// | `k_proj.output_scale`, `v_proj.output_scale` | older compressed-tensors, Quark |
/// | `kv_scale`, for both | older FP8 checkpoints |
public final class CacheScales {

    private static final List<String> SHARED = List.of(".kv_scale", ".attn.kv_scale", ".qkv_proj.kv_scale");

    private CacheScales() {}

    /// Returns the names under which the scale of keys, or of values, may lie, the best first.
    ///
    /// @param key whether of keys
    public static List<String> names(String attention, boolean key) {
        String letter = key ? "k" : "v";
        return Stream.concat(
                        Stream.of(
                                ".%s_proj.%s_scale".formatted(letter, letter),
                                ".%s_scale".formatted(letter),
                                ".qkv_proj.%s_scale".formatted(letter),
                                ".attn.%s_scale".formatted(letter),
                                ".%s_proj.output_scale".formatted(letter)),
                        SHARED.stream())
                .map(suffix -> attention + suffix)
                .toList();
    }

    /// Returns all names of both.
    public static List<String> names(String attention) {
        return Stream.concat(names(attention, true).stream(), names(attention, false).stream())
                .distinct()
                .toList();
    }

    /// Returns the scale of keys, or of values, if the checkpoint has it.
    public static Optional<TensorInfo> find(Checkpoint checkpoint, String attention, boolean key) {
        return names(attention, key).stream()
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
