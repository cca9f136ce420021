package io.github.steelyard.audit;

import io.github.steelyard.census.StoredModule;
import io.github.steelyard.census.StoredModules;
import io.github.steelyard.census.TiedHead;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.family.TensorCensus;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.Printable;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Linear;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.Weights;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The tensors of a checkpoint against the model that its config describes: names, types and shapes.
record ModelCensus() implements Check {

    private static final List<String> EXPERT_COUNTS = List.of("num_experts", "num_local_experts", "n_routed_experts");
    private static final Pattern EXPERT = Pattern.compile("^(.{0,300}\\.experts)\\.(\\d{1,6})\\.");

    @Override
    public void run(Subject subject, Findings findings) {
        checkExpertCount(subject, findings);
        subject.decoder().ifPresent(decoder -> new Census(subject, decoder, findings).check());
    }

    /// The census of one checkpoint for one model.
    private static final class Census {

        private static final Set<DType> REAL = Set.of(DType.F32, DType.BF16, DType.F16);

        private final Subject subject;
        private final Checkpoint checkpoint;
        private final StoredModules stored;
        private final Decoder decoder;
        private final Findings findings;
        private final ShapeHint hint;
        private final ModuleCheck moduleCheck;
        private final Weights weights;
        private final Set<String> missing = new HashSet<>(); // tensors of several modules, once

        Census(Subject subject, Decoder decoder, Findings findings) {
            this.subject = subject;
            this.checkpoint = subject.checkpoint();
            this.stored = subject.stored();
            this.decoder = decoder;
            this.findings = findings;
            this.hint = new ShapeHint(checkpoint.config().textModel());
            this.moduleCheck = new ModuleCheck(findings, hint, checkpoint.quantization());
            this.weights = new CheckpointWeights(checkpoint);
        }

        void check() {
            boolean comparable = checkHidden();
            decoder.tensors().forEach(tensor -> checkPlain(tensor, comparable));
            decoder.linears().forEach(linear -> checkLinear(linear, comparable));
            checkRest();
        }

        private boolean checkHidden() {
            if (!checkpoint.has(decoder.embedding())) {
                return true;
            }
            TensorInfo embedding = checkpoint.tensor(decoder.embedding());
            if (embedding.shape().rank() != 2 || embedding.shape().dim(1) == decoder.hidden()) {
                return true;
            }
            findings.add(
                    FindingCode.CONFIG_DISAGREES,
                    checkpoint.config().file(),
                    "hidden_size",
                    String.format(
                            Locale.ROOT,
                            "hidden_size: wanted %d, as tensor %s %s has, found %d; other shapes are not compared",
                            embedding.shape().dim(1),
                            Printable.quoted(embedding.name()),
                            embedding.shape(),
                            decoder.hidden()));
            return false;
        }

        private void checkPlain(ExpectedTensor expected, boolean comparable) {
            if (!checkpoint.has(expected.name())) {
                findings.missing(
                        FindingCode.TENSOR_MISSING,
                        expected.name(),
                        expected.shape().toString());
                return;
            }
            TensorInfo tensor = checkpoint.tensor(expected.name());
            if (comparable && !tensor.shape().equals(expected.shape())) {
                findings.tensor(
                        FindingCode.SHAPE,
                        tensor.file(),
                        tensor.name(),
                        "wanted %s, found %s"
                                .formatted(hint.describe(expected.shape(), tensor.shape()), tensor.typeText()));
            } else if (!REAL.contains(tensor.dtype())) {
                findings.tensor(
                        FindingCode.DTYPE,
                        tensor.file(),
                        tensor.name(),
                        "wanted F32, BF16 or F16, found %s".formatted(tensor.typeText()));
            }
        }

        private void checkLinear(Linear linear, boolean comparable) {
            ModuleInfo info = linear.info();
            List<String> fused = linear.source().fusedTensors();
            if (decoder.tied() && info.equals(decoder.head())) {
                TiedHead.finding(checkpoint, decoder).ifPresent(finding -> findings.addAll(List.of(finding)));
                return;
            }
            if (!fused.isEmpty()) {
                checkFused(fused);
            } else if (!checkOwn(info, comparable)) {
                return;
            }
            if (comparable) {
                tryOpen(linear);
            }
        }

        // What the checks here let pass and the loader refuses is still an error.
        private void tryOpen(Linear linear) {
            boolean readable = Stream.concat(
                            linear.source().fusedTensors().stream().map(stored::moduleOf),
                            Stream.of(stored.find(linear.info().name())))
                    .flatMap(Optional::stream)
                    .allMatch(subject::isReadable);
            if (readable) {
                StoredShapes.open(linear.info().name(), () -> linear.open(weights), checkpoint.directory(), findings);
            }
        }

        private void checkFused(List<String> tensors) {
            for (String name : tensors) {
                if (missing.add(name) && !checkpoint.has(name)) {
                    findings.missing(FindingCode.TENSOR_MISSING, name, "the experts' weight");
                }
                stored.moduleOf(name).ifPresent(module -> {
                    if (missing.add(module.name() + ".")) {
                        moduleCheck.check(module, true);
                    }
                });
            }
        }

        private boolean checkOwn(ModuleInfo info, boolean comparable) {
            Optional<StoredModule> module =
                    Optional.ofNullable(subject.parts().own().get(info));
            if (module.isEmpty()) {
                findings.missing(
                        FindingCode.TENSOR_MISSING,
                        Part.WEIGHT.in(info.name()),
                        Shape.of(info.rows(), info.columns()).toString());
                return false;
            }
            return comparable && moduleCheck.check(module.get(), info.rows(), info.columns());
        }

        private void checkRest() {
            List<String> unused = checkpoint.tensors().keySet().stream()
                    .filter(name -> !subject.parts().reads(name)
                            && !decoder.ignores(name)
                            && !TensorCensus.areInputFactors(checkpoint, name))
                    .toList();
            Set<String> unread = Set.copyOf(TensorCensus.unread(unused, decoder));
            for (String name : unused) {
                if (unread.contains(name)) {
                    findings.each(
                            FindingCode.TENSOR_UNREAD,
                            "tensors that belong to modules of the model, and its config gives no use for them",
                            name);
                } else if (!OrphanScales.is(checkpoint.tensor(name), stored)) {
                    findings.each(FindingCode.TENSOR_UNUSED, "tensors that the model does not read", name);
                }
            }
        }
    }

    /// Other parts, such as a prediction layer that was not pruned with the rest, may have a number of their own.
    private static void checkExpertCount(Subject subject, Findings findings) {
        Checkpoint checkpoint = subject.checkpoint();
        ConfigJson config = checkpoint.config().textModel();
        Optional<String> key = EXPERT_COUNTS.stream().filter(config::has).findFirst();
        Map<String, Integer> counts = new TreeMap<>(); // by the experts' common prefix
        for (String name : checkpoint.tensors().keySet()) {
            Matcher matcher = EXPERT.matcher(name);
            boolean weight = StoredNames.isWeight(name);
            boolean ignored =
                    subject.decoder().map(model -> model.ignores(name)).orElse(false);
            if (weight && !ignored && matcher.find()) {
                counts.merge(matcher.group(1), Integer.parseInt(matcher.group(2)) + 1, Math::max);
            }
        }
        if (key.isEmpty() || counts.isEmpty()) {
            return;
        }
        int declared;
        try {
            declared = config.integer(key.get(), 0, Integer.MAX_VALUE);
        } catch (CheckpointException e) {
            return; // reported by the reading of the config
        }
        counts.forEach((prefix, count) -> {
            if (count != declared) {
                findings.add(
                        FindingCode.CONFIG_DISAGREES,
                        config.file(),
                        key.get(),
                        String.format(
                                Locale.ROOT,
                                "%s: wanted %d, as the tensors of %s have, found %d",
                                key.get(),
                                count,
                                Printable.quoted(prefix),
                                declared));
            }
        });
    }
}
