package io.github.steelyard.dialect;

import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/// The names under which exporters kept the scales of a key and value cache over the years. All are multipliers:
/// `amax / 448`, one for the attention or one for each of its heads.
///
/// | name beside the attention | written by |
/// |---|---|
/// | `k_proj.k_scale`, `v_proj.v_scale` | ModelOpt |
/// | `k_scale`, `v_scale` | compressed-tensors |
/// | `qkv_proj.k_scale`, `attn.k_scale` and those of values | checkpoints saved under a server's names |
/// | `k_proj.output_scale`, `v_proj.output_scale` | older compressed-tensors, Quark |
/// | `kv_scale`, `attn.kv_scale`, `qkv_proj.kv_scale`, for both | older FP8 checkpoints |
public final class CacheNames {

    private static final String KEY = ".k_proj.k_scale";
    private static final String VALUE = ".v_proj.v_scale";
    private static final List<String> SHARED = List.of(".kv_scale", ".attn.kv_scale", ".qkv_proj.kv_scale");

    private static final Set<String> KEYS = Set.of("k_scale", "kv_scale");
    private static final Set<String> VALUES = Set.of("v_scale", "kv_scale");
    private static final String OUTPUT = "output_scale";

    private CacheNames() {}

    /// Returns ModelOpt's name.
    ///
    /// @param key whether of keys
    public static String ofModelOpt(String attention, boolean key) {
        return attention + (key ? KEY : VALUE);
    }

    /// Returns the name in compressed-tensors.
    ///
    /// @param key whether of keys
    public static String ofCompressedTensors(String attention, boolean key) {
        return attention + (key ? ".k_scale" : ".v_scale");
    }

    /// Returns the name of the scale of a linear layer's output: of `k_proj` and `v_proj` once that of the cache.
    public static String ofOutput(String module) {
        return module + "." + OUTPUT;
    }

    /// Returns whether a tensor of this name holds a scale of keys, or of keys and values.
    public static boolean isOfKeys(String tensor) {
        return KEYS.contains(lastWord(tensor));
    }

    /// Returns whether a tensor of this name holds a scale of values, or of keys and values.
    public static boolean isOfValues(String tensor) {
        return VALUES.contains(lastWord(tensor));
    }

    /// Returns whether a tensor has a name that ends like one of a cache's scales; that of a linear layer's output does
    /// too.
    public static boolean isLikeOne(String tensor) {
        return isOfKeys(tensor) || isOfValues(tensor) || lastWord(tensor).equals(OUTPUT);
    }

    private static String lastWord(String tensor) {
        return tensor.substring(tensor.lastIndexOf('.') + 1);
    }

    /// Returns the names under which the scale of keys, or of values, may lie, the best first.
    ///
    /// @param key whether of keys
    public static List<String> all(String attention, boolean key) {
        String letter = key ? "k" : "v";
        return Stream.concat(
                        Stream.of(
                                key ? KEY : VALUE,
                                ".%s_scale".formatted(letter),
                                ".qkv_proj.%s_scale".formatted(letter),
                                ".attn.%s_scale".formatted(letter),
                                ofOutput(".%s_proj".formatted(letter))),
                        SHARED.stream())
                .map(suffix -> attention + suffix)
                .toList();
    }

    /// Returns all names of both.
    public static List<String> all(String attention) {
        return Stream.concat(all(attention, true).stream(), all(attention, false).stream())
                .distinct()
                .toList();
    }
}
