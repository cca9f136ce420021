package io.github.steelyard.dialect;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// How a config of compressed-tensors names modules: a class of modules, a name, or after `re:` an expression.
///
/// Servers rename modules, and expressions are not renamed with them, so these begin at the layer: `re:.*layers\.3\.…`.
/// The experts of a layer are looked up under `0.gate_proj`, `0.up_proj` and `0.down_proj` alone, whatever their
/// tensors are called, so their expressions have all names that any family gives to projections of experts. A module is
/// first looked for in `ignore`. Where several groups speak, none of them names the class `Linear`: readers disagree
/// which goes first.
///
/// Source: VLLM, SGLANG, TRANSFORMERS (see `docs/SOURCES.md`).
public final class TargetNames {

    private static final String LINEAR = "Linear";
    private static final String EXPERTS = "experts";
    private static final String HEAD = "lm_head";
    private static final String HEAD_ANYWHERE = "re:.*lm_head$";
    private static final String USUAL_ROOT = "model.layers.";
    private static final String GATE = "gate";
    private static final String ANY_NUMBER = "\\d+";
    private static final List<String> OF_EXPERTS = List.of("gate_proj", "up_proj", "down_proj", "w1", "w2", "w3");

    private TargetNames() {}

    /// Where a module lies in its layer.
    ///
    /// @param layer number of the layer
    /// @param inside an expression for what lies between the layer and the module
    /// @param leaf the last part of the name; empty for all projections of routed experts
    private record Place(int layer, String inside, String leaf) {

        static Optional<Place> of(String module) {
            List<String> parts = Arrays.asList(module.split("\\.", -1));
            for (int i = 0; i + 2 < parts.size(); i++) {
                if (parts.get(i).equals("layers") && isNumber(parts.get(i + 1))) {
                    return Optional.of(of(Integer.parseInt(parts.get(i + 1)), parts.subList(i + 2, parts.size())));
                }
            }
            return Optional.empty();
        }

        private static Place of(int layer, List<String> parts) {
            int last = parts.size() - 1;
            boolean expert = last >= 2 && parts.get(last - 2).equals(EXPERTS) && isNumber(parts.get(last - 1));
            String inside = parts.subList(0, expert ? last - 1 : last).stream()
                    .map(part -> escaped(part) + "\\.")
                    .collect(Collectors.joining());
            return new Place(layer, inside + (expert ? ANY_NUMBER + "\\." : ""), expert ? "" : parts.get(last));
        }

        private static boolean isNumber(String part) {
            return !part.isEmpty() && part.length() < 10 && part.chars().allMatch(c -> c >= '0' && c <= '9');
        }

        boolean isOfExperts() {
            return leaf.isEmpty();
        }

        /// The same place in all layers.
        Place anywhere() {
            return new Place(-1, inside, leaf);
        }
    }

    /// Returns what a config targets for each format of modules, that of routed experts first.
    ///
    /// @param layers the format of each quantised module
    /// @param <F> what a format is
    public static <F> SequencedMap<F, List<String>> targets(SequencedMap<String, F> layers) {
        SequencedMap<F, List<String>> targets = new LinkedHashMap<>();
        Map<Place, Set<F>> meant = new LinkedHashMap<>(); // places in a layer, and in all layers
        layers.forEach((module, format) -> Place.of(module).ifPresent(place -> {
            meant.computeIfAbsent(place, absent -> new LinkedHashSet<>()).add(format);
            meant.computeIfAbsent(place.anywhere(), absent -> new LinkedHashSet<>())
                    .add(format);
            if (place.isOfExperts()) {
                targets.putIfAbsent(format, new ArrayList<>());
            }
        }));
        layers.values().forEach(format -> targets.putIfAbsent(format, new ArrayList<>()));
        boolean head = layers.keySet().stream().anyMatch(module -> leaf(module).equals(HEAD));
        if (targets.size() == 1 && !head) {
            targets.firstEntry().getValue().add(LINEAR);
            return targets;
        }
        targets.forEach((format, names) -> names.addAll(targets(format, layers, meant)));
        return targets;
    }

    private static <F> Set<String> targets(F format, SequencedMap<String, F> layers, Map<Place, Set<F>> meant) {
        SequencedMap<Place, Set<Integer>> numbers = new LinkedHashMap<>();
        Set<String> names = new LinkedHashSet<>();
        layers.forEach((module, said) -> {
            Optional<Place> place = Place.of(module);
            if (!said.equals(format)) {
                return;
            }
            if (place.isEmpty()) {
                names.add(leaf(module).equals(HEAD) ? HEAD_ANYWHERE : module);
            } else if (meant.getOrDefault(place.get(), Set.of()).size() > 1) {
                names.add(module);
            } else {
                numbers.computeIfAbsent(place.get().anywhere(), absent -> new TreeSet<>())
                        .add(place.get().layer());
            }
        });
        Set<String> targets = new LinkedHashSet<>();
        SequencedMap<String, Set<String>> leaves = new LinkedHashMap<>();
        numbers.forEach((place, layersOf) -> {
            String before = before(place, meant.getOrDefault(place, Set.of()).size() > 1 ? layersOf : Set.of());
            if (place.isOfExperts()) {
                targets.add(expression(before, OF_EXPERTS));
            } else {
                leaves.computeIfAbsent(before, absent -> new TreeSet<>()).add(place.leaf());
            }
        });
        leaves.forEach((before, ends) -> targets.add(expression(before, ends)));
        targets.addAll(names);
        return targets;
    }

    /// Returns what a config ignores, sorted: every name, but of routed experts one expression for each layer. A name
    /// that
    /// does not begin with the usual root is an expression too, where that names no quantised module: readers rename
    /// such
    /// roots, and a module that is missing in `ignore` would be loaded as codes.
    ///
    /// @param unquantised names of linear modules that are not quantised
    /// @param quantised names of those that are
    public static List<String> ignored(Collection<String> unquantised, Collection<String> quantised) {
        Set<Place> taken =
                quantised.stream().flatMap(module -> Place.of(module).stream()).collect(Collectors.toSet());
        boolean head = quantised.stream().anyMatch(module -> leaf(module).equals(HEAD));
        TreeSet<String> ignored = new TreeSet<>();
        Map<Place, String> expressions = new HashMap<>();
        for (String module : unquantised) {
            Optional<Place> place = Place.of(module)
                    .filter(each -> each.isOfExperts() || isRenamed(module))
                    .filter(each -> !taken.contains(each));
            ignored.add(
                    place.isPresent()
                            ? expressions.computeIfAbsent(place.get(), TargetNames::expression)
                            : isHeadUnderRoot(module) && !head ? HEAD_ANYWHERE : module);
        }
        return List.copyOf(ignored);
    }

    /// What is called a gate is of no class that readers quantise, and keeps the name that llm-compressor writes;
    /// Llama-4's
    /// router is a linear layer to them.
    private static boolean isRenamed(String module) {
        return !module.startsWith(USUAL_ROOT) && !leaf(module).equals(GATE);
    }

    private static boolean isHeadUnderRoot(String module) {
        return module.endsWith("." + HEAD);
    }

    /// Returns an expression for a place in one layer.
    private static String expression(Place place) {
        return expression(
                before(place, Set.of(place.layer())), place.isOfExperts() ? OF_EXPERTS : List.of(place.leaf()));
    }

    /// @param layers numbers of the layers; none for all
    private static String before(Place place, Set<Integer> layers) {
        String numbers = layers.stream().map(String::valueOf).collect(Collectors.joining("|"));
        String layer = layers.isEmpty() ? ANY_NUMBER : layers.size() == 1 ? numbers : "(" + numbers + ")";
        return "re:.*layers\\." + layer + "\\." + place.inside();
    }

    private static String expression(String before, Collection<String> leaves) {
        String ends = leaves.stream().map(TargetNames::escaped).collect(Collectors.joining("|"));
        return before + (leaves.size() == 1 ? ends : "(" + ends + ")") + "$";
    }

    private static String leaf(String module) {
        return module.substring(module.lastIndexOf('.') + 1);
    }

    private static String escaped(String part) {
        return part.replaceAll("[^A-Za-z0-9_-]", "\\\\$0");
    }
}
