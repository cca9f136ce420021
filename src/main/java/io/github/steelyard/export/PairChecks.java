package io.github.steelyard.export;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.model.CacheScales;
import io.github.steelyard.model.JoinedProjections;
import io.github.steelyard.weights.Weights;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Looks at scales that belong together: of modules that a server joins, and of the key and value cache.
final class PairChecks {

    /// Modules that only an attention has: what holds one has keys and values.
    private static final List<String> ATTENTION = List.of("k_proj", "kv_b_proj", "kv_a_proj_with_mqa");

    private final Findings findings;
    private final NavigableMap<String, StoredModule> modules;

    PairChecks(NavigableMap<String, StoredModule> modules, Findings findings) {
        this.modules = modules;
        this.findings = findings;
    }

    void checkJoined() {
        for (String module : modules.keySet()) {
            List<String> joined = JoinedProjections.of(module);
            if (joined.getFirst().equals(module)) {
                checkGroup(joined.stream()
                        .map(modules::get)
                        .flatMap(Stream::ofNullable)
                        .toList());
            }
        }
    }

    private void checkGroup(List<StoredModule> group) {
        StoredModule first = group.getFirst();
        for (StoredModule other : group.subList(1, group.size())) {
            if (first.tensors().kind() != other.tensors().kind()) {
                findings.warning(
                        "group-formats-differ",
                        other.name(),
                        "is %s, but %s, which servers join with it, is %s"
                                .formatted(
                                        other.tensors().kind(),
                                        first.name(),
                                        first.tensors().kind()));
            } else if (first.isNvfp4() && differ(first.weightScale(), other.weightScale())) {
                findings.error(
                        "group-scales-differ",
                        other.name(),
                        "global scale %s, but %s, which servers join with it, has %s"
                                .formatted(text(other.weightScale()), first.name(), text(first.weightScale())));
            } else if (differ(first.weightScale(), other.weightScale())) {
                findings.warning(
                        "group-scales-differ",
                        other.name(),
                        "scale %s, but %s, which servers join with it, has %s: they requantise the smaller to the larger"
                                .formatted(text(other.weightScale()), first.name(), text(first.weightScale())));
            }
            if (differ(first.inputScale(), other.inputScale())) {
                findings.warning(
                        "group-input-scales-differ",
                        other.name(),
                        "input scale %s, but %s, which reads the same input, has %s"
                                .formatted(text(other.inputScale()), first.name(), text(first.inputScale())));
            }
        }
    }

    /// Checks the scales of keys and values against what the config promises.
    ///
    /// @param promised the cache's declared format
    /// @param known the attention modules of the model; empty if it is unknown: then what looks like attention may
    ///     belong to a part without a cache, and a scale that is not there is no more than a warning
    void checkCache(Checkpoint checkpoint, Optional<String> promised, Optional<List<String>> known) {
        Weights weights = new Weights(checkpoint);
        ScaleChecks values = new ScaleChecks(findings);
        for (String attention : known.orElseGet(this::attentions)) {
            Optional<TensorInfo> key = CacheScales.find(checkpoint, attention, true);
            Optional<TensorInfo> value = CacheScales.find(checkpoint, attention, false);
            Stream.of(key, value).flatMap(Optional::stream).forEach(tensor -> {
                for (float scale : weights.vector(tensor.name(), tensor.shape())) {
                    values.requirePlausible(new StoredModule.Scale(tensor.name(), scale, E4m3.MAX, false));
                }
            });
            if (promised.isPresent() && (key.isEmpty() || value.isEmpty())) {
                String message = "the config promises a cache in %s, but there is no %s: a server assumes 1"
                        .formatted(promised.get(), key.isEmpty() ? "k_scale" : "v_scale");
                if (known.isPresent()) {
                    findings.error("cache-scale-missing", attention, message);
                } else {
                    findings.warning("cache-scale-missing", attention, message);
                }
            } else if (key.isPresent() != value.isPresent()) {
                findings.error("cache-scale-missing", attention, "has only one of k_scale and v_scale");
            } else if (promised.isEmpty() && key.isPresent()) {
                findings.warning(
                        "cache-undeclared",
                        attention,
                        "has k_scale and v_scale, but the config declares no cache format");
            }
        }
    }

    private List<String> attentions() {
        Map<String, Boolean> found = new TreeMap<>();
        for (String module : modules.keySet()) {
            String parent = parent(module);
            if (ATTENTION.stream().anyMatch(leaf -> module.equals(parent + "." + leaf))) {
                found.put(parent, true);
            }
        }
        return List.copyOf(found.keySet());
    }

    private static boolean differ(Optional<StoredModule.Scale> one, Optional<StoredModule.Scale> other) {
        return one.isPresent()
                && other.isPresent()
                && Float.compare(one.get().stored(), other.get().stored()) != 0;
    }

    private static String text(Optional<StoredModule.Scale> scale) {
        return scale.map(found -> Float.toString(found.stored())).orElse("none");
    }

    private static String parent(String module) {
        return module.substring(0, Math.max(module.lastIndexOf('.'), 0));
    }
}
