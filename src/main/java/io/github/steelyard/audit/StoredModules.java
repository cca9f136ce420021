package io.github.steelyard.audit;

import io.github.steelyard.audit.StoredModule.Part;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.weights.WeightTensors;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// All tensors of a checkpoint by module. Names come in two forms: `module.weight_scale`, and for experts fused into
/// one tensor `experts.down_proj` with `experts.down_proj_weight_scale` beside it.
public final class StoredModules {

    private static final Map<String, Part> DOTTED = Map.ofEntries(
            Map.entry("weight", Part.WEIGHT),
            Map.entry("weight_packed", Part.WEIGHT_PACKED),
            Map.entry("weight_scale", Part.WEIGHT_SCALE),
            Map.entry("weight_scale_2", Part.WEIGHT_SCALE_2),
            Map.entry("weight_scale_inv", Part.WEIGHT_SCALE_INV),
            Map.entry("weight_global_scale", Part.WEIGHT_GLOBAL_SCALE),
            Map.entry("weight_zero_point", Part.WEIGHT_ZERO_POINT),
            Map.entry("weight_shape", Part.WEIGHT_SHAPE),
            Map.entry("scale", Part.WEIGHT_SCALE_INV),
            Map.entry("input_scale", Part.INPUT_SCALE),
            Map.entry("activation_scale", Part.INPUT_SCALE),
            Map.entry("input_global_scale", Part.INPUT_GLOBAL_SCALE),
            Map.entry("k_scale", Part.K_SCALE),
            Map.entry("v_scale", Part.V_SCALE),
            Map.entry("q_scale", Part.OTHER_SCALE),
            Map.entry("kv_scale", Part.OTHER_SCALE),
            Map.entry("output_scale", Part.OTHER_SCALE));

    // Longest first, so that _weight_scale_2 is not taken for something that ends in _2.
    private static final Map<String, Part> FUSED = fused();

    /// Those that mean nothing but a scale, also where there is no weight.
    private static final Set<String> SCALES = Set.of("_weight_scale", "_weight_scale_2", "_input_scale");

    private final Map<String, StoredModule> modules = new LinkedHashMap<>();
    private final Map<String, Part> partOf = new HashMap<>(); // by tensor name
    private final Map<String, String> moduleOf = new HashMap<>(); // by tensor name

    private StoredModules(Checkpoint checkpoint) {
        Set<String> names = checkpoint.tensors().keySet();
        Map<String, Map<Part, TensorInfo>> found = new LinkedHashMap<>();
        for (TensorInfo tensor : checkpoint.tensors().values()) {
            add(tensor, names, found);
        }
        found.forEach((name, parts) -> modules.put(name, new StoredModule(name, parts, weight(checkpoint, name))));
    }

    /// Returns the modules of `checkpoint`; no value is read.
    public static StoredModules of(Checkpoint checkpoint) {
        return new StoredModules(checkpoint);
    }

    private static Optional<WeightTensors> weight(Checkpoint checkpoint, String module) {
        try {
            boolean own = checkpoint.has(module + ".weight") || checkpoint.has(module + ".weight_packed");
            return Optional.of(
                    own ? WeightTensors.detect(checkpoint, module) : WeightTensors.ofStack(checkpoint, module));
        } catch (CheckpointException incomplete) {
            return Optional.empty(); // the checks say what is missing
        }
    }

    private static Map<String, Part> fused() {
        Map<String, Part> fused = new LinkedHashMap<>();
        fused.put("_weight_scale_inv", Part.WEIGHT_SCALE_INV);
        fused.put("_weight_scale_2", Part.WEIGHT_SCALE_2);
        fused.put("_weight_scale", Part.WEIGHT_SCALE);
        fused.put("_input_scale", Part.INPUT_SCALE);
        fused.put("_scale_inv", Part.WEIGHT_SCALE_INV);
        fused.put("_blocks", Part.BLOCKS);
        fused.put("_scales", Part.SCALES);
        return fused;
    }

    /// Returns the modules in the order of their first tensor.
    public Collection<StoredModule> all() {
        return modules.values();
    }

    /// Returns the module of this name.
    Optional<StoredModule> find(String module) {
        return Optional.ofNullable(modules.get(module));
    }

    /// Returns the names of all modules.
    Set<String> names() {
        return modules.keySet();
    }

    /// Returns what `tensor` is to its module, empty for biases and everything else.
    Optional<Part> partOf(String tensor) {
        return Optional.ofNullable(partOf.get(tensor));
    }

    /// Returns the module that `tensor` is a part of, empty for biases and everything else.
    Optional<StoredModule> moduleOf(String tensor) {
        return Optional.ofNullable(moduleOf.get(tensor)).map(modules::get);
    }

    private void add(TensorInfo tensor, Set<String> names, Map<String, Map<Part, TensorInfo>> found) {
        String name = tensor.name();
        int dot = name.lastIndexOf('.');
        Part dotted = dot < 0 ? null : DOTTED.get(name.substring(dot + 1));
        boolean layerScale = name.endsWith(".scale") && !names.contains(name.substring(0, dot) + ".weight");
        if (dotted != null && !layerScale) {
            put(name.substring(0, dot), dotted, tensor, found);
            return;
        }
        for (Map.Entry<String, Part> suffix : FUSED.entrySet()) {
            if (name.endsWith(suffix.getKey())) {
                String base = name.substring(0, name.length() - suffix.getKey().length());
                if (SCALES.contains(suffix.getKey()) || names.contains(base) || names.contains(base + "_blocks")) {
                    put(base, suffix.getValue(), tensor, found);
                    return;
                }
            }
        }
        boolean fusedWeight = FUSED.keySet().stream().anyMatch(suffix -> names.contains(name + suffix));
        if (fusedWeight || tensor.shape().rank() == 3) {
            put(name, Part.WEIGHT, tensor, found);
        }
    }

    private void put(String module, Part part, TensorInfo tensor, Map<String, Map<Part, TensorInfo>> found) {
        found.computeIfAbsent(module, name -> new EnumMap<>(Part.class)).put(part, tensor);
        moduleOf.put(tensor.name(), module);
        partOf.put(tensor.name(), part);
    }
}
