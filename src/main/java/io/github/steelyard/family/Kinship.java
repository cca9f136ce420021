package io.github.steelyard.family;

import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.files.Printable;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Linear;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// How the tensors of a model of an unknown type fit a known one.
///
/// @param type the known type
/// @param missing names of those that it needs and the checkpoint lacks, or has with other extents
/// @param unknown names of those that it would not know
record Kinship(String type, List<String> missing, List<String> unknown) {

    private static final int MOST_NAMES = 4;

    Kinship {
        missing = List.copyOf(missing);
        unknown = List.copyOf(unknown);
    }

    /// Holds the tensors of `source` against the model that `decoder` would be.
    static Kinship of(ModelSource source, Decoder decoder) {
        Set<String> names = source.names();
        Set<String> modules = new HashSet<>();
        Set<String> wanted = new HashSet<>();
        List<String> missing = new ArrayList<>();
        for (ExpectedTensor tensor : decoder.tensors()) {
            wanted.add(tensor.name());
            if (!source.hasOf(tensor.name(), tensor.shape())) {
                missing.add(tensor.name());
            }
        }
        for (Linear linear : decoder.linears()) {
            String module = linear.info().name();
            List<String> fused = linear.source().fusedTensors();
            boolean shared = decoder.tied() && linear.info().equals(decoder.head());
            boolean there = fused.isEmpty()
                    ? shared || StoredNames.weight(names::contains, module).isPresent()
                    : names.containsAll(fused);
            if (!there) {
                missing.add(fused.isEmpty() ? module + ".weight" : fused.getFirst());
            }
            modules.add(module);
            wanted.addAll(fused);
        }
        decoder.modules().forEach(module -> modules.add(module.name()));
        List<String> unknown = names.stream()
                .filter(name -> !wanted.contains(name) && !decoder.ignores(name))
                .filter(name -> !modules.contains(name.substring(0, Math.max(0, name.lastIndexOf('.')))))
                .toList();
        return new Kinship(source.modelType(), missing, unknown);
    }

    /// Returns how many tensors differ.
    int distance() {
        return missing.size() + unknown.size();
    }

    /// Returns it for people: `qwen3_moe, from which 96 tensors differ: it wants 'model.layers.N.mlp.gate.weight', …`.
    String text() {
        if (distance() == 0) {
            return type + ", which they fit";
        }
        List<String> parts = new ArrayList<>();
        if (!missing.isEmpty()) {
            parts.add("it wants " + brief(missing));
        }
        if (!unknown.isEmpty()) {
            parts.add("it has no use for " + brief(unknown));
        }
        return String.format(Locale.ROOT, "%s, from which %d differ: %s", type, distance(), String.join("; ", parts));
    }

    /// Names once for all layers and experts.
    private static String brief(Collection<String> names) {
        Set<String> patterns = new LinkedHashSet<>();
        names.forEach(name -> patterns.add(name.replaceAll("\\.[0-9]+(?=\\.)", ".N")));
        List<String> first =
                patterns.stream().limit(MOST_NAMES).map(Printable::of).toList();
        int more = patterns.size() - first.size();
        return String.join(", ", first) + (more > 0 ? String.format(Locale.ROOT, " and %d more", more) : "");
    }
}
