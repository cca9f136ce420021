package io.github.steelyard.adapter;

import io.github.steelyard.site.ModuleInfo;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Finds a model's modules by the names that an adapter has for them. These are names of the class that was trained,
/// which keeps the layers under another root than the checkpoint does where a multimodal model is published, and which
/// may have another name for a block.
final class Naming {

    /// Roots under which text models keep their layers. A vision tower has layers too, under others.
    private static final Set<String> TEXT_ROOTS = Set.of(
            "model",
            "model.language_model",
            "language_model.model",
            "thinker.model",
            "backbone",
            "language_model.backbone");

    private static final String LAYERS = "layers.";
    private static final String HEAD = "lm_head";

    private final Map<String, ModuleInfo> modules = new HashMap<>();
    private final String root; // of the model

    /// @param modules linear layers of the model
    Naming(List<ModuleInfo> modules) {
        this.root = modules.stream()
                .filter(module -> module.layer() >= 0)
                .map(module -> rootOf(module.name()))
                .findFirst()
                .orElse("");
        modules.forEach(module -> this.modules.put(relative(module.name()), module));
    }

    /// Returns the linear layer of this name.
    Optional<ModuleInfo> module(String name) {
        return isText(name) ? Optional.ofNullable(modules.get(relative(name))) : Optional.empty();
    }

    /// Returns whether a name is the text model's.
    boolean isText(String name) {
        String own = rootOf(name);
        return own.equals(root) || TEXT_ROOTS.contains(own) || relative(name).equals(HEAD);
    }

    /// Returns a name without the root, the same for all names of one module.
    static String relative(String name) {
        if (name.equals(HEAD) || name.endsWith("." + HEAD)) {
            return HEAD;
        }
        // What transformers 5 calls the block that Mixtral publishes.
        return name.substring(start(name)).replace(".block_sparse_moe.", ".mlp.");
    }

    /// Returns the root of a name in a layer; of another the empty text.
    static String rootOf(String name) {
        int start = start(name);
        return start == 0 ? "" : name.substring(0, start - 1);
    }

    /// Returns a module's name under another root.
    static String under(String root, String name) {
        String within = name.substring(start(name));
        return root.isEmpty() || !within.startsWith(LAYERS) ? within : root + "." + within;
    }

    private static int start(String name) {
        return name.startsWith(LAYERS) ? 0 : name.indexOf("." + LAYERS) + 1;
    }
}
