package io.github.steelyard.report;

import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Declaration;
import io.github.steelyard.dialect.Declaration.How;
import io.github.steelyard.dialect.Declaration.Input;
import io.github.steelyard.dialect.DeclaredFormat;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.model.ModuleInfo;
import io.github.steelyard.report.StoredModule.Part;
import io.github.steelyard.report.StoredModule.Stored;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Holds what the quantization config declares against how the modules are stored.
///
/// A config that names a module and is wrong about it is an error. What it says by a pattern or of all the rest is
/// often
/// too wide in published files, so there a difference is a warning, unless no module at all is stored as declared.
final class DeclaredCheck {

    private final QuantizationConfig config;
    private final Path directory;
    private final FindingList findings;
    private final Map<Declaration, Map<Stored, String>> defaults = new LinkedHashMap<>(); // an example of each
    private final Map<Stored, Boolean> withInputScale = new EnumMap<>(Stored.class);
    private final Set<String> sizesReported = new TreeSet<>();

    DeclaredCheck(QuantizationConfig config, Path directory, FindingList findings) {
        this.config = config;
        this.directory = directory;
        this.findings = findings;
    }

    /// Checks the modules of the model that are stored under their own names, and then the config as a whole.
    ///
    /// @param modules module and stored tensors
    /// @param names the names of all modules of the checkpoint, for patterns that match nothing
    void check(Map<ModuleInfo, StoredModule> modules, Set<String> names) {
        try {
            modules.values().forEach(module -> {
                if (module.inputScale().isPresent()) {
                    withInputScale.put(module.stored(), true);
                }
            });
            modules.forEach(this::checkModule);
            checkDefaults();
            List<String> unmatched = config.unmatched(names);
            unmatched.forEach(pattern -> findings.warnOf(
                    "pattern-matches-nothing",
                    "quantization",
                    "names and patterns of the quantization config that match no module",
                    pattern));
        } catch (CheckpointException e) {
            findings.error("quantization-config", "quantization", e);
        }
    }

    private void checkModule(ModuleInfo info, StoredModule module) {
        Stored stored = module.stored();
        if (stored == Stored.UNKNOWN || stored == Stored.NONE) {
            return;
        }
        Optional<Declaration> declared = config.declarationOf(info.name());
        boolean plainHead = stored == Stored.PLAIN && info.kind() == ModuleInfo.Kind.HEAD;
        if (plainHead && config.method().listsLoosely()) {
            return; // by convention never converted, and never listed
        }
        if (declared.isEmpty()) {
            if (stored != Stored.PLAIN) {
                findings.warnOf(
                        "not-declared",
                        "quantization",
                        "modules stored as %s, though no config declares a quantization".formatted(stored.text()),
                        info.name());
            }
        } else {
            compare(info, module, declared.get());
        }
        checkInputScale(info, module, declared);
    }

    private void compare(ModuleInfo info, StoredModule module, Declaration declared) {
        Stored stored = module.stored();
        if (declared.how() == How.DEFAULT && info.kind() != ModuleInfo.Kind.ROUTER) {
            defaults.computeIfAbsent(declared, each -> new EnumMap<>(Stored.class))
                    .putIfAbsent(stored, info.name());
        }
        if (stored == storedAs(declared.format())) {
            checkSizes(module, declared);
            return;
        }
        if (declared.how() == How.NAMED) {
            findings.error(
                    "format-disagrees",
                    directory,
                    info.name(),
                    "module %s: %s says %s, its tensors are %s"
                            .formatted(
                                    Printable.quoted(info.name()),
                                    Printable.of(declared.source()),
                                    declared.format(),
                                    stored.text()));
        } else if (info.kind() != ModuleInfo.Kind.ROUTER || stored != Stored.PLAIN) {
            findings.warnOf(
                    "format-disagrees",
                    declared.source(),
                    "%s says %s of modules whose tensors are %s"
                            .formatted(Printable.of(declared.source()), declared.format(), stored.text()),
                    info.name());
        }
    }

    private void checkDefaults() {
        defaults.forEach((declared, found) -> {
            Stored wanted = storedAs(declared.format());
            if (wanted != Stored.PLAIN && !found.containsKey(wanted)) {
                Map.Entry<Stored, String> example = found.entrySet().iterator().next();
                findings.error(
                        "format-disagrees",
                        directory,
                        declared.source(),
                        "%s says %s, no module is stored so: the tensors of %s are %s"
                                .formatted(
                                        Printable.of(declared.source()),
                                        declared.format(),
                                        Printable.quoted(example.getValue()),
                                        example.getKey().text()));
            }
        });
    }

    private void checkSizes(StoredModule module, Declaration declared) {
        int block = declared.format().blockSize();
        if (block != 0 && declared.groupSize() != 0 && declared.groupSize() != block) {
            reportSize(
                    declared,
                    String.format(
                            Locale.ROOT,
                            "group_size: wanted %d, as %s has and the scales of %s show, found %d",
                            block,
                            declared.format(),
                            Printable.quoted(module.name()),
                            declared.groupSize()));
        }
    }

    private void reportSize(Declaration declared, String problem) {
        if (sizesReported.add(declared.source())) {
            findings.error(
                    "block-size",
                    directory,
                    declared.source(),
                    "%s: %s".formatted(Printable.of(declared.source()), problem));
        }
    }

    private void checkInputScale(ModuleInfo info, StoredModule module, Optional<Declaration> declared) {
        Stored stored = module.stored();
        boolean canHave = stored == Stored.FP8 || stored == Stored.NVFP4;
        boolean wanted = declared.map(said -> said.input() == Input.STATIC)
                .orElse(stored == Stored.NVFP4 && withInputScale.containsKey(stored));
        if (canHave && wanted && module.inputScale().isEmpty()) {
            String part = module.has(Part.WEIGHT_PACKED) ? ".input_global_scale" : ".input_scale";
            findings.warnOf(
                    "input-scale-missing",
                    projection(info.name()),
                    "%s modules %s without an input scale, so these sites are not calibrated"
                            .formatted(stored.text(), Printable.quoted(projection(info.name()))),
                    info.name() + part);
        }
    }

    /// Warns of gate and up, and of q, k and v, that do not share the second-level scale that a fused kernel needs.
    void checkShared(Map<ModuleInfo, StoredModule> modules, ScaleValues values) {
        Map<String, StoredModule> byName = new LinkedHashMap<>();
        modules.forEach((info, module) -> byName.put(info.name(), module));
        for (ModuleInfo info : modules.keySet()) {
            if (!info.name().equals(info.inputGroup().getFirst())) {
                continue;
            }
            Set<Float> scales = new TreeSet<>();
            for (String member : info.inputGroup()) {
                Optional.ofNullable(byName.get(member))
                        .flatMap(StoredModule::globalScale)
                        .map(TensorInfo::name)
                        .flatMap(values::single)
                        .ifPresent(scales::add);
            }
            if (scales.size() > 1) {
                findings.warnOf(
                        "scales-not-shared",
                        "weight_scale_2",
                        "modules with one input whose weight_scale_2 differ, while fused kernels have one for all",
                        String.join(" / ", info.inputGroup()));
            }
        }
    }

    /// The values of scales that hold a single one.
    @FunctionalInterface
    interface ScaleValues {
        /// Returns the value of the tensor of this name, empty if it is not a single readable value.
        Optional<Float> single(String tensor);
    }

    private static String projection(String module) {
        return module.substring(module.lastIndexOf('.') + 1);
    }

    private static Stored storedAs(DeclaredFormat format) {
        return switch (format) {
            case NONE -> Stored.PLAIN;
            case FP8, FP8_CHANNEL, FP8_BLOCK -> Stored.FP8;
            case NVFP4, W4A16_NVFP4 -> Stored.NVFP4;
            case MXFP4 -> Stored.MXFP4;
            case MXFP8 -> Stored.MXFP8;
            case INT4, INT8 -> Stored.INTEGERS;
        };
    }
}
