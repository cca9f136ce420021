package io.github.steelyard.audit;

import io.github.steelyard.census.StoredModule;
import io.github.steelyard.census.StoredModules;
import io.github.steelyard.dialect.CacheNames;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Linear;
import io.github.steelyard.site.ModuleInfo;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// What of a checkpoint the model reads.
///
/// @param used names of tensors and of modules; empty without a model, and then everything counts as read
/// @param own the modules of the model whose weight lies under their own name
record ModelParts(Set<String> used, Map<ModuleInfo, StoredModule> own) {

    ModelParts {
        used = Collections.unmodifiableSet(used);
        own = Collections.unmodifiableMap(own);
    }

    static ModelParts of(StoredModules stored, Optional<Decoder> model) {
        Set<String> used = new HashSet<>();
        Map<ModuleInfo, StoredModule> own = new LinkedHashMap<>();
        if (model.isPresent()) {
            Decoder decoder = model.get();
            for (ExpectedTensor tensor : decoder.tensors()) {
                used.add(tensor.name());
                stored.moduleOf(tensor.name()).ifPresent(module -> used.add(module.name()));
            }
            for (Linear linear : decoder.linears()) {
                add(linear, decoder, stored, used, own);
            }
            decoder.modules().stream()
                    .filter(module -> module.kind() == ModuleInfo.Kind.ATTENTION)
                    .forEach(attention -> used.addAll(CacheNames.all(attention.name())));
        }
        return new ModelParts(used, own);
    }

    private static void add(
            Linear linear, Decoder decoder, StoredModules stored, Set<String> used, Map<ModuleInfo, StoredModule> own) {
        ModuleInfo info = linear.info();
        for (String tensor : linear.source().fusedTensors()) {
            used.add(tensor);
            stored.moduleOf(tensor).ifPresent(module -> {
                used.add(module.name());
                addParts(module, used);
            });
        }
        if (!linear.source().fusedTensors().isEmpty()) {
            return;
        }
        Optional<StoredModule> module = stored.find(info.name());
        module.ifPresent(found -> addParts(found, used));
        boolean tied = decoder.tied() && info.equals(decoder.head());
        if (!tied) {
            used.add(info.name());
            module.filter(found -> found.weight().isPresent()).ifPresent(found -> own.put(info, found));
        }
    }

    private static void addParts(StoredModule module, Set<String> used) {
        module.parts().values().forEach(tensor -> used.add(tensor.name()));
    }

    /// Returns whether the model reads the tensor or module.
    boolean reads(String name) {
        return used.isEmpty() || used.contains(name);
    }
}
