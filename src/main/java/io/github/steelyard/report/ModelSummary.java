package io.github.steelyard.report;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.family.ModelSize;
import io.github.steelyard.family.TensorCensus;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.Printable;
import io.github.steelyard.format.Format;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.site.ModuleInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// What the model of a config is: its size, its layers, and what recipes can quantise.
///
/// @param family `model_type`
/// @param size parameters and layers
/// @param quantisable linear layers that recipes may quantise, by part: `experts`, `other`
/// @param never routers, other gates and heads: never quantised by convention
/// @param census how the checkpoint's tensors fit; empty where there is only a config
public record ModelSummary(
        String family, ModelSize size, SortedMap<String, Long> quantisable, long never, Optional<TensorCensus> census) {

    private static final int MOST_NAMES = 20;
    private static final List<Format> SIZES = List.of(Format.PLAIN, Format.FP8, Format.NVFP4, Format.MXFP4);

    /// Sums up the model of a checkpoint.
    static ModelSummary of(Checkpoint checkpoint) {
        Decoder decoder = Families.describe(checkpoint);
        return of(decoder, Optional.of(TensorCensus.of(checkpoint, decoder)));
    }

    /// Sums up the model of a config alone.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if the family is unknown or the config unusable
    public static ModelSummary of(ConfigJson config) {
        return of(Families.of(config), Optional.empty());
    }

    private static ModelSummary of(Decoder decoder, Optional<TensorCensus> census) {
        SortedMap<String, Long> quantisable = new TreeMap<>();
        long never = 0;
        for (ModuleInfo module : decoder.modules()) {
            switch (module.kind()) {
                case LINEAR -> quantisable.merge(module.isExpert() ? "experts" : "other", 1L, Long::sum);
                case ROUTER, HEAD -> never++;
                case ATTENTION -> {}
            }
        }
        return new ModelSummary(decoder.family(), ModelSize.of(decoder), quantisable, never, census);
    }

    /// Returns the figures for people, line by line.
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add("parameters    %s, of which a token passes %s"
                .formatted(billions(size.parameters()), billions(size.active())));
        lines.add("layers        %s".formatted(join(size.layers())));
        Map<String, Object> bytes = new TreeMap<>();
        for (Format format : SIZES) {
            bytes.put(name(format), String.format(Locale.ROOT, "%.2f GiB", size.bytes(format) / (double) (1L << 30)));
        }
        lines.add("size in       %s".formatted(join(bytes)));
        lines.add(String.format(
                Locale.ROOT,
                "quantisable   linear layers: %s; never: %d routers, gates and heads",
                join(quantisable),
                never));
        census.ifPresent(tensors -> {
            lines.add(String.format(
                    Locale.ROOT,
                    "tensors       %d read, %d of parts that are passed through, %d unknown, %d missing",
                    tensors.known().size(),
                    tensors.ignored().size(),
                    tensors.unknown().size(),
                    tensors.missing().size()));
            list("unknown", tensors.unknown(), lines);
            list("missing", tensors.missing(), lines);
        });
        return lines;
    }

    /// Returns the tree for [Json].
    public Object json() {
        return tree();
    }

    ObjectNode tree() {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        node.put("family", family);
        node.put("parameters", size.parameters());
        node.put("active_parameters", size.active());
        ObjectNode layers = node.putObject("layers_by_kind");
        size.layers().forEach(layers::put);
        ObjectNode bytes = node.putObject("bytes_by_format");
        for (Format format : SIZES) {
            bytes.put(name(format), size.bytes(format));
        }
        ObjectNode modules = node.putObject("quantisable_modules");
        quantisable.forEach(modules::put);
        node.put("never_quantised_modules", never);
        census.ifPresent(tensors -> {
            ObjectNode counts = node.putObject("tensors");
            counts.put("known", tensors.known().size());
            counts.put("passed_through", tensors.ignored().size());
            tensors.unknown().forEach(counts.putArray("unknown")::add);
            tensors.missing().forEach(counts.putArray("missing")::add);
        });
        return node;
    }

    private static void list(String what, List<String> names, List<String> lines) {
        names.stream().limit(MOST_NAMES).forEach(name -> lines.add("  %s  %s".formatted(what, Printable.of(name))));
        if (names.size() > MOST_NAMES) {
            lines.add(String.format(Locale.ROOT, "  and %d %s more", names.size() - MOST_NAMES, what));
        }
    }

    private static String name(Format format) {
        return format == Format.PLAIN ? "BF16" : format.name();
    }

    private static String billions(long parameters) {
        return parameters < 100_000_000
                ? String.format(Locale.ROOT, "%.2f M", parameters / 1e6)
                : String.format(Locale.ROOT, "%.2f B", parameters / 1e9);
    }

    private static String join(Map<String, ?> figures) {
        List<String> parts = new ArrayList<>();
        figures.forEach((name, figure) -> parts.add("%s %s".formatted(name, figure)));
        return String.join(", ", parts);
    }
}
