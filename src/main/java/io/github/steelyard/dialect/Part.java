package io.github.steelyard.dialect;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// What a tensor is to its module, told by the end of its name under any [Dialect].
public enum Part {
    WEIGHT,
    WEIGHT_PACKED,
    BLOCKS,
    WEIGHT_SCALE,
    WEIGHT_SCALE_2,
    WEIGHT_SCALE_INV,
    WEIGHT_GLOBAL_SCALE,
    WEIGHT_ZERO_POINT,
    WEIGHT_SHAPE,
    SCALES,
    INPUT_SCALE,
    INPUT_GLOBAL_SCALE,
    K_SCALE,
    V_SCALE,
    OTHER_SCALE;

    private static final Map<String, Part> DOTTED = dotted();

    // Longest first, so that _weight_scale_2 is not taken for something that ends in _2.
    private static final Map<String, Part> STACKED = stacked();

    /// Those that mean nothing but a scale, also where there is no weight.
    private static final Set<String> SCALES_ALONE =
            Set.of(WEIGHT_SCALE.beside(""), WEIGHT_SCALE_2.beside(""), INPUT_SCALE.beside(""));

    /// A tensor's module, and what the tensor is to it.
    ///
    /// @param module the module; of experts in one tensor, that tensor
    public record Place(String module, Part part) {}

    /// Every part by its own word, but those of stacks alone, and by the words that others use for it.
    private static Map<String, Part> dotted() {
        Map<String, Part> dotted = new HashMap<>();
        for (Part part : values()) {
            if (part != BLOCKS && part != SCALES && part != OTHER_SCALE) {
                dotted.put(part.word(), part);
            }
        }
        dotted.put("scale", WEIGHT_SCALE_INV);
        dotted.put("activation_scale", INPUT_SCALE);
        dotted.put("q_scale", OTHER_SCALE);
        dotted.put("kv_scale", OTHER_SCALE);
        dotted.put("output_scale", OTHER_SCALE);
        return dotted;
    }

    private static Map<String, Part> stacked() {
        Map<String, Part> stacked = new LinkedHashMap<>();
        for (Part part : List.of(WEIGHT_SCALE_INV, WEIGHT_SCALE_2, WEIGHT_SCALE, INPUT_SCALE)) {
            stacked.put(part.beside(""), part);
        }
        stacked.put("_scale_inv", WEIGHT_SCALE_INV);
        stacked.put(BLOCKS.beside(""), BLOCKS);
        stacked.put(SCALES.beside(""), SCALES);
        return stacked;
    }

    /// Returns the place of a tensor, empty for biases and everything else. Names come in two forms:
    /// `module.weight_scale`, and for experts in one tensor `experts.down_proj` with `experts.down_proj_weight_scale`
    /// beside it.
    ///
    /// @param rank number of the tensor's extents: with three it holds a matrix for each expert
    /// @param has tells whether the checkpoint holds a tensor
    public static Optional<Place> of(String tensor, int rank, Predicate<String> has) {
        int dot = tensor.lastIndexOf('.');
        Part dotted = dot < 0 ? null : DOTTED.get(tensor.substring(dot + 1));
        boolean layerScale = tensor.endsWith(".scale") && !has.test(WEIGHT.in(tensor.substring(0, dot)));
        if (dotted != null && !layerScale) {
            return Optional.of(new Place(tensor.substring(0, dot), dotted));
        }
        for (Map.Entry<String, Part> suffix : STACKED.entrySet()) {
            if (tensor.endsWith(suffix.getKey())) {
                String base =
                        tensor.substring(0, tensor.length() - suffix.getKey().length());
                if (SCALES_ALONE.contains(suffix.getKey()) || has.test(base) || has.test(BLOCKS.beside(base))) {
                    return Optional.of(new Place(base, suffix.getValue()));
                }
            }
        }
        boolean stack = rank == 3 || STACKED.keySet().stream().anyMatch(suffix -> has.test(tensor + suffix));
        return stack ? Optional.of(new Place(tensor, WEIGHT)) : Optional.empty();
    }

    /// Returns the name of this part of a linear module: `module.weight_scale`.
    public String in(String module) {
        return module + "." + word();
    }

    /// Returns the name of this part of a stack: `experts.down_proj_weight_scale`.
    String beside(String stack) {
        return stack + "_" + word();
    }

    /// Returns the last word of its name: `weight_scale`.
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /// Returns whether the part holds the weight itself.
    public boolean isWeight() {
        return this == WEIGHT || this == WEIGHT_PACKED || this == BLOCKS;
    }

    /// Returns whether the part belongs to the key and value cache and needs no weight beside it.
    public boolean isCache() {
        return this == K_SCALE || this == V_SCALE || this == OTHER_SCALE;
    }

    /// Returns whether the part holds integers that say how to read the weight, and no scale.
    public boolean isInteger() {
        return this == WEIGHT_ZERO_POINT || this == WEIGHT_SHAPE;
    }
}
