package io.github.steelyard.oracle;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;

/// How an engine finds the algorithm of one of its modules in a `MIXED_PRECISION` checkpoint's `quantized_layers`.
///
/// The engine's modules are fused (`qkv_proj`, `gate_up_proj`, `experts`); the checkpoint lists what was there before.
/// Steps, the first that answers wins: the name itself; the parts of a declared fusion; any name below it (and for
/// `….experts` any name below its parent); the parts of `qkv_proj` and `gate_up_proj` next to it.
public final class MixedPrecision {

    private static final String EXPERTS = ".experts";
    private static final Map<String, List<String>> FUSED = Map.of(
            "qkv_proj", List.of("q_proj", "k_proj", "v_proj"),
            "gate_up_proj", List.of("gate_proj", "up_proj"));

    private final SequencedMap<String, String> layers;
    private final Map<String, List<String>> packed;
    private final boolean strict;

    /// @param layers algorithm by module name, in the checkpoint's order; not empty
    /// @param packed the model's fusions, each with the names of its parts
    /// @param strict whether to take the first name below a module even where others disagree, as the engine does
    /// @throws IllegalArgumentException if `layers` is empty
    public MixedPrecision(SequencedMap<String, String> layers, Map<String, List<String>> packed, boolean strict) {
        if (layers.isEmpty()) {
            throw new IllegalArgumentException("quantized_layers: expected at least one layer, found none");
        }
        this.layers = layers;
        this.packed = packed;
        this.strict = strict;
    }

    /// Returns the algorithm of the engine's module `prefix`, in upper case; empty when it is not quantised.
    ///
    /// @throws IllegalArgumentException if the parts of one module disagree
    public Optional<String> algorithm(String prefix) {
        List<String> candidates = candidates(prefix);
        return exact(candidates)
                .or(() -> declaredFusion(prefix))
                .or(() -> below(
                        prefix, candidates.stream().map(name -> name + ".").toList()))
                .or(() -> besideExperts(prefix))
                .or(() -> inferredFusion(prefix, candidates));
    }

    private Optional<String> exact(List<String> candidates) {
        return candidates.stream().filter(layers::containsKey).findFirst().map(this::algorithmOf);
    }

    private Optional<String> declaredFusion(String prefix) {
        List<String> parts = packed.getOrDefault(lastPart(prefix), List.of());
        Set<String> found = new TreeSet<>();
        for (String base : candidates(parent(prefix))) {
            parts.stream()
                    .map(part -> base + "." + part)
                    .filter(layers::containsKey)
                    .forEach(name -> found.add(algorithmOf(name)));
        }
        return only(prefix, found);
    }

    /// The engine takes the first name below, whatever the others say; we refuse when they disagree.
    private Optional<String> below(String prefix, List<String> starts) {
        Set<String> found = new LinkedHashSet<>();
        for (String start : starts) {
            layers.keySet().stream()
                    .filter(name -> name.startsWith(start))
                    .forEach(name -> found.add(algorithmOf(name)));
        }
        return strict || found.size() <= 1 ? found.stream().findFirst() : only(prefix, found);
    }

    private Optional<String> besideExperts(String prefix) {
        if (!prefix.endsWith(EXPERTS)) {
            return Optional.empty();
        }
        return below(prefix, List.of(prefix.substring(0, prefix.length() - EXPERTS.length()) + "."));
    }

    private Optional<String> inferredFusion(String prefix, List<String> candidates) {
        List<String> parts = FUSED.getOrDefault(lastPart(prefix), List.of());
        for (String candidate : candidates) {
            Set<String> found = new TreeSet<>();
            parts.stream()
                    .map(part -> parent(candidate) + "." + part)
                    .filter(layers::containsKey)
                    .forEach(name -> found.add(algorithmOf(name)));
            Optional<String> algorithm = only(prefix, found);
            if (algorithm.isPresent()) {
                return algorithm;
            }
        }
        return Optional.empty();
    }

    private static Optional<String> only(String prefix, Set<String> found) {
        if (found.size() > 1) {
            throw new IllegalArgumentException(
                    "Mixed quant_algo within fused layer %s: %s. All shards must use the same quantization."
                            .formatted(prefix, Messages.list(found)));
        }
        return found.stream().findFirst();
    }

    private static List<String> candidates(String prefix) {
        List<String> names = new ArrayList<>(List.of(prefix));
        if (prefix.endsWith(".lm_head")) {
            names.add("lm_head");
        }
        swapped(prefix, "language_model.model.", "model.language_model.").ifPresent(names::add);
        swapped(prefix, "model.language_model.", "language_model.model.").ifPresent(names::add);
        return names;
    }

    private static Optional<String> swapped(String prefix, String from, String to) {
        return prefix.startsWith(from) ? Optional.of(to + prefix.substring(from.length())) : Optional.empty();
    }

    private String algorithmOf(String name) {
        return layers.getOrDefault(name, "").toUpperCase(Locale.ROOT);
    }

    private static String lastPart(String name) {
        return name.substring(name.lastIndexOf('.') + 1);
    }

    private static String parent(String name) {
        int dot = name.lastIndexOf('.');
        return dot < 0 ? name : name.substring(0, dot);
    }
}
