package io.github.steelyard.report;

import io.github.steelyard.census.LauncherState;
import io.github.steelyard.census.StoredModule;
import io.github.steelyard.census.StoredModules;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.files.Printable;
import io.github.steelyard.format.Format.Coding;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// The contents of a checkpoint in figures.
///
/// @param modelType `model_type` of the config, empty if it has none
/// @param layers highest layer index in the tensor names, plus one
/// @param shards number of safetensors files
/// @param tensors number of tensors
/// @param bytes bytes of all tensors
/// @param bytesByType bytes by element type
/// @param modules storage formats by class of module
/// @param quantization who wrote the quantization config: `MODELOPT`, or `NONE`
/// @param producer name and version of that program, empty if unknown
/// @param declared formats that the quantization config declares
/// @param kvCache declared format of the key and value cache
/// @param fakeQuantised whether the weights are plain values that have been quantised, for ModelOpt's launcher
public record CheckpointSummary(
        String modelType,
        int layers,
        int shards,
        int tensors,
        long bytes,
        Map<String, Long> bytesByType,
        List<ModuleClass> modules,
        String quantization,
        String producer,
        List<String> declared,
        Optional<String> kvCache,
        boolean fakeQuantised) {

    private static final int MOST_CLASSES = 200;

    /// Those that are not known last.
    private static final Comparator<Optional<Coding>> CODINGS =
            Comparator.comparingInt(coding -> coding.map(Coding::ordinal).orElse(Integer.MAX_VALUE));

    /// Modules whose names differ in numbers only and that are stored alike.
    ///
    /// @param name the name with `*` for numbers
    /// @param stored the storage format: `plain`, `FP8`, `NVFP4`
    /// @param count how many there are
    public record ModuleClass(String name, String stored, int count) {}

    public CheckpointSummary {
        bytesByType = Collections.unmodifiableMap(new TreeMap<>(bytesByType));
        modules = List.copyOf(modules);
        declared = List.copyOf(declared);
    }

    static CheckpointSummary of(Checkpoint checkpoint) {
        Map<String, Long> byType = new TreeMap<>();
        long bytes = 0;
        int layers = 0;
        for (TensorInfo tensor : checkpoint.tensors().values()) {
            byType.merge(tensor.dtype().name(), tensor.byteSize(), Long::sum);
            bytes += tensor.byteSize();
            layers = Math.max(layers, layerOf(tensor.name()) + 1);
        }
        QuantizationConfig quantization = checkpoint.quantization();
        return new CheckpointSummary(
                checkpoint.config().isString("model_type") ? checkpoint.config().string("model_type") : "",
                layers,
                checkpoint.shards().size(),
                checkpoint.tensors().size(),
                bytes,
                byType,
                classes(StoredModules.of(checkpoint)),
                quantization.method().name(),
                quantization.producer(),
                quantization.labels(),
                quantization.kvCache(),
                LauncherState.isIn(checkpoint));
    }

    /// Returns the figures for people, line by line.
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add("model type    %s".formatted(modelType.isEmpty() ? "unknown" : Printable.of(modelType)));
        lines.add(String.format(Locale.ROOT, "layers        %d", layers));
        lines.add(String.format(Locale.ROOT, "tensors       %d in %d files, %s", tensors, shards, size(bytes)));
        lines.add("types         %s"
                .formatted(bytesByType.entrySet().stream()
                        .map(type -> "%s %s".formatted(type.getKey(), size(type.getValue())))
                        .collect(Collectors.joining(", "))));
        lines.add("declared      %s"
                .formatted(
                        quantization.equals("NONE")
                                ? fakeQuantised
                                        ? "no quantization; values are fake-quantised, for ModelOpt's launcher"
                                        : "no quantization"
                                : "%s by %s%s"
                                        .formatted(
                                                declared.isEmpty() ? "nothing" : String.join(", ", declared),
                                                quantization.toLowerCase(Locale.ROOT),
                                                producer.isEmpty() ? "" : " (%s)".formatted(Printable.of(producer)))));
        kvCache.ifPresent(format -> lines.add("KV cache      %s".formatted(Printable.of(format))));
        lines.add("modules");
        modules.stream()
                .limit(MOST_CLASSES)
                .forEach(each -> lines.add(String.format(
                        Locale.ROOT, "  %-8s %6d  %s", each.stored(), each.count(), Printable.of(each.name()))));
        if (modules.size() > MOST_CLASSES) {
            lines.add(String.format(Locale.ROOT, "  and %d classes more", modules.size() - MOST_CLASSES));
        }
        return lines;
    }

    private static String size(long bytes) {
        String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < units.length - 1) {
            value /= 1024;
            unit++;
        }
        return unit == 0 ? bytes + " B" : String.format(Locale.ROOT, "%.1f %s", value, units[unit]);
    }

    private static List<ModuleClass> classes(StoredModules stored) {
        Map<String, Map<String, Integer>> counts = new TreeMap<>();
        stored.all().stream()
                .filter(module -> module.weight().isPresent())
                .sorted(Comparator.comparing(StoredModule::coding, CODINGS))
                .forEach(module -> counts.computeIfAbsent(pattern(module.name()), name -> new LinkedHashMap<>())
                        .merge(module.codingText(), 1, Integer::sum));
        List<ModuleClass> classes = new ArrayList<>();
        counts.forEach((name, formats) ->
                formats.forEach((format, count) -> classes.add(new ModuleClass(name, format, count))));
        return classes;
    }

    private static String pattern(String module) {
        List<String> parts = new ArrayList<>();
        for (String part : module.split("\\.", -1)) {
            parts.add(!part.isEmpty() && part.chars().allMatch(Character::isDigit) ? "*" : part);
        }
        return String.join(".", parts);
    }

    /// Returns the number after `layers.`, -1 if there is none.
    private static int layerOf(String name) {
        int at = name.indexOf("layers.");
        if (at < 0 || (at > 0 && name.charAt(at - 1) != '.')) {
            return -1;
        }
        int from = at + "layers.".length();
        int to = from;
        while (to < name.length() && to - from < 6 && Character.isDigit(name.charAt(to))) {
            to++;
        }
        return to == from ? -1 : Integer.parseInt(name.substring(from, to));
    }
}
