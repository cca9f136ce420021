package io.github.steelyard.audit;

import io.github.steelyard.census.StoredModule;
import io.github.steelyard.dialect.Declaration;
import io.github.steelyard.dialect.Declaration.How;
import io.github.steelyard.dialect.Declaration.Input;
import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.Format.Coding;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.weights.WeightTensors;
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
        private final Map<Declaration, Map<Coding, String>> defaults = new LinkedHashMap<>(); // an example of each
        private final Set<String> sizesReported = new HashSet<>();

        Comparison(Subject subject, QuantizationConfig config, Findings findings) {
            this.subject = subject;
            this.config = config;
            this.findings = findings;
            this.withInputScale = subject.stored().all().stream()
                    .anyMatch(module ->
                            module.is(Coding.NVFP4) && module.inputScale().isPresent());
        }

        void run() {
            for (StoredModule module : subject.stored().all()) {
                boolean linear = module.isMatrix() || module.isStack();
                if (linear && module.coding().isPresent()) {
                    Optional<Declaration> declared = config.declarationOf(module.name());
                    compare(module, declared);
                    checkInputScale(module, declared);
                }
            }
            collectDefaults();
            checkDefaults();
        }

        private void compare(StoredModule module, Optional<Declaration> said) {
            Format format = said.map(Declaration::format).orElse(Format.PLAIN);
            if (agrees(format, module)) {
                said.ifPresent(declared -> checkSize(module, declared));
                return;
            }
            if (!module.isQuantised() && !isServedQuantised(module)) {
                return;
            }
            boolean sameElements = module.is(format.coding());
            String stored = sameElements
                    ? module.tensors().map(WeightTensors::label).orElse(module.codingText())
                    : module.codingText();
            String label = said.map(Declaration::label).orElse("");
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
                                                label,
                                                stored));
            } else {
                findings.of(read)
                        .each(
                                FindingCode.FORMAT_UNDECLARED,
                                "%s says %s of modules whose tensors are %s"
                                        .formatted(Printable.of(said.get().source()), label, stored),
                                module.name());
            }
        }

        private void collectDefaults() {
            subject.parts().own().forEach((info, module) -> {
                boolean router = info.kind() == ModuleInfo.Kind.ROUTER;
                boolean head = info.kind() == ModuleInfo.Kind.HEAD
                        && module.is(Coding.PLAIN)
                        && config.method().listsLoosely();
                if (!router && !head && module.coding().isPresent()) {
                    Coding coding = module.coding().get();
                    config.declarationOf(info.name())
                            .filter(declared -> declared.how() == How.DEFAULT)
                            .ifPresent(
                                    declared -> defaults.computeIfAbsent(declared, each -> new EnumMap<>(Coding.class))
                                            .putIfAbsent(coding, info.name()));
                }
            });
        }

        private void checkDefaults() {
            defaults.forEach((declared, found) -> {
                Coding wanted = declared.format().coding();
                if (wanted != Coding.PLAIN && !found.containsKey(wanted)) {
                    Map.Entry<Coding, String> example =
                            found.entrySet().iterator().next();
                    findings.here(
                            FindingCode.FORMAT_DISAGREES,
                            declared.source(),
                            "%s says %s, no module is stored so: the tensors of %s are %s"
                                    .formatted(
                                            Printable.of(declared.source()),
                                            declared.label(),
                                            Printable.quoted(example.getValue()),
                                            example.getKey().text()));
                }
            });
        }

        private void checkSize(StoredModule module, Declaration declared) {
            int block = module.format().orElse(declared.format()).block();
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
                                declared.label(),
                                Printable.quoted(module.name()),
                                declared.groupSize()));
            }
        }

        private void checkInputScale(StoredModule module, Optional<Declaration> declared) {
            boolean nvfp4 = module.is(Coding.NVFP4);
            boolean canHave = nvfp4 || module.is(Coding.FP8);
            boolean wanted = declared.map(said -> said.input() == Input.STATIC || said.input() == Input.STATIC_FP8)
                    .orElse(nvfp4 && withInputScale);
            if (canHave && wanted && module.inputScale().isEmpty()) {
                String projection = module.name().substring(module.name().lastIndexOf('.') + 1);
                findings.of(subject.parts().reads(module.name()))
                        .each(
                                FindingCode.INPUT_SCALE_MISSING,
                                "%s modules %s without an input scale, so these sites are not calibrated"
                                        .formatted(module.codingText(), Printable.quoted(projection)),
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

        private boolean isServedQuantised(StoredModule module) {
            String leaf =
                    module.name().substring(module.name().lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
            return !StoredNames.isEmbedding(module.name())
                    && !(config.method().listsLoosely() && NEVER_QUANTISED.contains(leaf));
        }
    }

    /// Returns whether a module is stored in a format, or may be.
    static boolean agrees(Format declared, StoredModule module) {
        Optional<Format> complete = module.format();
        if (complete.isEmpty()) {
            return module.is(declared.coding());
        }
        Format stored = complete.get();
        boolean oneScale =
                module.scale().filter(scale -> scale.shape().elements() == 1).isPresent();
        // One scale is that of one channel or block as well.
        boolean parts = declared == Format.FP8_PER_CHANNEL || declared == Format.FP8_BLOCK;
        boolean sizes = declared.coding() == stored.coding()
                && (stored.coding() == Coding.INTEGERS || stored.coding() == Coding.NVFP4);
        return stored == declared || sizes || (parts && stored == Format.FP8 && oneScale);
    }
}
