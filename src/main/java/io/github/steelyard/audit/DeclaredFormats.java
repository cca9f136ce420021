package io.github.steelyard.audit;

import io.github.steelyard.census.StoredModule;
import io.github.steelyard.census.StoredModule.Stored;
import io.github.steelyard.dialect.Declaration;
import io.github.steelyard.dialect.Declaration.How;
import io.github.steelyard.dialect.Declaration.Input;
import io.github.steelyard.dialect.DeclaredFormat;
import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.model.ModuleInfo;
import io.github.steelyard.weights.WeightTensors.Kind;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// What the quantization config declares against how the modules are stored.
///
/// A config that names a module and is wrong about it is an error. What it says by a pattern or of all the rest is
/// often too wide in published files, so there a difference is milder, unless no module at all is stored as declared.
record DeclaredFormats() implements Check {

    /// What publishers' own configs do not list, and no server takes for quantised.
    private static final Set<String> NEVER_QUANTISED = Set.of("lm_head", "gate", "router");

    @Override
    public void run(Subject subject, Findings findings) {
        QuantizationConfig config = subject.checkpoint().quantization();
        if (config.problem().isPresent()) {
            return;
        }
        try {
            new Comparison(subject, config, findings).run();
        } catch (CheckpointException e) {
            findings.add(FindingCode.QUANTIZATION_UNKNOWN, "quantization", e);
        }
    }

    /// The comparison of one checkpoint.
    private static final class Comparison {

        private final Subject subject;
        private final QuantizationConfig config;
        private final Findings findings;
        private final boolean withInputScale; // whether any NVFP4 module has one
        private final Map<Declaration, Map<Stored, String>> defaults = new LinkedHashMap<>(); // an example of each
        private final Set<String> sizesReported = new HashSet<>();

        Comparison(Subject subject, QuantizationConfig config, Findings findings) {
            this.subject = subject;
            this.config = config;
            this.findings = findings;
            this.withInputScale = subject.stored().all().stream()
                    .anyMatch(module -> module.stored() == Stored.NVFP4
                            && module.inputScale().isPresent());
        }

        void run() {
            for (StoredModule module : subject.stored().all()) {
                boolean linear = module.isMatrix() || module.isStack();
                if (linear && module.stored() != Stored.UNKNOWN) {
                    Optional<Declaration> declared = config.declarationOf(module.name());
                    compare(module, declared);
                    checkInputScale(module, declared);
                }
            }
            collectDefaults();
            checkDefaults();
        }

        private void compare(StoredModule module, Optional<Declaration> said) {
            DeclaredFormat format = said.map(Declaration::format).orElse(DeclaredFormat.NONE);
            if (agrees(format, module)) {
                said.ifPresent(declared -> checkSize(module, declared));
                return;
            }
            if (!module.isQuantised() && !isServedQuantised(module)) {
                return;
            }
            boolean sameElements = storedAs(format) == module.stored();
            String stored = sameElements
                    ? module.kind().map(Kind::name).orElse(module.stored().text())
                    : module.stored().text();
            boolean read = subject.parts().reads(module.name());
            if (said.isEmpty()) {
                findings.of(read)
                        .each(
                                FindingCode.FORMAT_UNDECLARED,
                                "modules stored as %s, though no config declares a quantization".formatted(stored),
                                module.name());
            } else if (said.get().how() == How.NAMED && !sameElements) {
                findings.of(read)
                        .here(
                                FindingCode.FORMAT_DISAGREES,
                                module.name(),
                                "module %s: %s says %s, its tensors are %s"
                                        .formatted(
                                                Printable.quoted(module.name()),
                                                Printable.of(said.get().source()),
                                                format,
                                                stored));
            } else {
                findings.of(read)
                        .each(
                                FindingCode.FORMAT_UNDECLARED,
                                "%s says %s of modules whose tensors are %s"
                                        .formatted(Printable.of(said.get().source()), format, stored),
                                module.name());
            }
        }

        private void collectDefaults() {
            subject.parts().own().forEach((info, module) -> {
                boolean router = info.kind() == ModuleInfo.Kind.ROUTER;
                boolean head = info.kind() == ModuleInfo.Kind.HEAD
                        && module.stored() == Stored.PLAIN
                        && config.method().listsLoosely();
                if (!router && !head && module.stored() != Stored.UNKNOWN) {
                    config.declarationOf(info.name())
                            .filter(declared -> declared.how() == How.DEFAULT)
                            .ifPresent(
                                    declared -> defaults.computeIfAbsent(declared, each -> new EnumMap<>(Stored.class))
                                            .putIfAbsent(module.stored(), info.name()));
                }
            });
        }

        private void checkDefaults() {
            defaults.forEach((declared, found) -> {
                Stored wanted = storedAs(declared.format());
                if (wanted != Stored.PLAIN && !found.containsKey(wanted)) {
                    Map.Entry<Stored, String> example =
                            found.entrySet().iterator().next();
                    findings.here(
                            FindingCode.FORMAT_DISAGREES,
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

        private void checkSize(StoredModule module, Declaration declared) {
            int block = declared.format().blockSize();
            boolean differs = block != 0 && declared.groupSize() != 0 && declared.groupSize() != block;
            if (differs && sizesReported.add(declared.source())) {
                findings.here(
                        FindingCode.BLOCK_SIZE,
                        declared.source(),
                        String.format(
                                Locale.ROOT,
                                "%s: group_size: wanted %d, as %s has and the scales of %s show, found %d",
                                Printable.of(declared.source()),
                                block,
                                declared.format(),
                                Printable.quoted(module.name()),
                                declared.groupSize()));
            }
        }

        private void checkInputScale(StoredModule module, Optional<Declaration> declared) {
            Stored stored = module.stored();
            boolean canHave = stored == Stored.FP8 || stored == Stored.NVFP4;
            boolean wanted =
                    declared.map(said -> said.input() == Input.STATIC).orElse(stored == Stored.NVFP4 && withInputScale);
            if (canHave && wanted && module.inputScale().isEmpty()) {
                String projection = module.name().substring(module.name().lastIndexOf('.') + 1);
                findings.of(subject.parts().reads(module.name()))
                        .each(
                                FindingCode.INPUT_SCALE_MISSING,
                                "%s modules %s without an input scale, so these sites are not calibrated"
                                        .formatted(stored.text(), Printable.quoted(projection)),
                                inputScaleName(module));
            }
        }

        private static String inputScaleName(StoredModule module) {
            if (module.isStack()) {
                return Dialect.MODELOPT.stack(module.name()).inputScale();
            }
            Dialect.InModules dialect = module.has(Part.WEIGHT_PACKED) ? Dialect.COMPRESSED_TENSORS : Dialect.MODELOPT;
            return dialect.module(module.name()).inputScale();
        }

        /// Configs speak of linear layers; an embedding table has the same form and is none.
        private boolean isServedQuantised(StoredModule module) {
            String leaf =
                    module.name().substring(module.name().lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
            return !leaf.contains("embed")
                    && !leaf.equals("wte")
                    && !leaf.equals("wpe")
                    && !(config.method().listsLoosely() && NEVER_QUANTISED.contains(leaf));
        }
    }

    private static boolean agrees(DeclaredFormat declared, StoredModule module) {
        Optional<Kind> complete = module.kind();
        if (complete.isEmpty()) {
            return storedAs(declared) == module.stored();
        }
        Kind kind = complete.get();
        boolean oneScale =
                module.scale().filter(scale -> scale.shape().elements() == 1).isPresent();
        return switch (declared) {
            case NONE -> kind == Kind.PLAIN;
            case FP8 -> kind == Kind.FP8_TENSOR;
            case FP8_CHANNEL -> kind == Kind.FP8_CHANNEL || (kind == Kind.FP8_TENSOR && oneScale);
            case FP8_BLOCK -> kind == Kind.FP8_BLOCK || (kind == Kind.FP8_TENSOR && oneScale);
            case NVFP4, W4A16_NVFP4 -> kind == Kind.NVFP4 || kind == Kind.NVFP4_PACKED;
            case MXFP4 -> kind == Kind.MXFP4;
            case MXFP8 -> kind == Kind.MXFP8;
            case INT4, INT8 -> kind == Kind.INT_PACKED;
        };
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
