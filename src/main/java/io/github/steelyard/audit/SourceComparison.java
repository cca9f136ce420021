package io.github.steelyard.audit;

import io.github.steelyard.census.ExportSource;
import io.github.steelyard.census.SourceModule;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.CacheNames;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.files.Printable;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.quant.QuantizationError;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.FusedStack;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// Holds a checkpoint against the one that it was made from: nothing lost, what is not quantised equal to the byte, and
/// the error of every weight that is.
final class SourceComparison {

    /// Below this the weight is not a quantised copy of the source's, in dB. NVFP4 keeps about 20, noise has below 0.
    private static final double UNLIKE = 6;

    /// Below this the weight is suspiciously far, in dB.
    private static final double FAR = 15;

    private final ExportSource source;
    private final Checkpoint written;
    private final Findings findings;

    SourceComparison(ExportSource source, Checkpoint written, Findings findings) {
        this.source = source;
        this.written = written;
        this.findings = findings;
    }

    /// Returns the error of every weight that is stored otherwise than in the source.
    List<TensorError> run() {
        List<SourceModule> modules = source.modules();
        Set<String> known = new HashSet<>();
        modules.forEach(module -> known.addAll(module.tensorNames()));
        for (TensorInfo tensor : source.checkpoint().tensors().values()) {
            if (source.weights().changed().contains(tensor.name())) {
                checkChanged(tensor);
            } else if (!known.contains(tensor.name()) && !isCacheScale(tensor.name())) {
                checkCopied(tensor);
            }
        }
        List<TensorError> errors = new ArrayList<>();
        List<Compared> compared = modules.parallelStream().map(this::compare).toList();
        for (Compared result : compared) {
            result.error().ifPresent(errors::add);
            result.problem()
                    .ifPresent(problem -> findings.here(
                            problem.code(),
                            problem.module(),
                            "%s: %s".formatted(Printable.of(problem.module()), problem.text())));
        }
        return errors;
    }

    private record Problem(FindingCode code, String module, String text) {}

    /// What the comparison of one module gave.
    private record Compared(Optional<TensorError> error, Optional<Problem> problem) {}

    private void checkCopied(TensorInfo tensor) {
        if (!written.has(tensor.name())) {
            findings.each(
                    FindingCode.TENSOR_MISSING, "tensors that are in the source and were not written", tensor.name());
            return;
        }
        TensorInfo copy = written.tensor(tensor.name());
        boolean equal = copy.dtype() == tensor.dtype()
                && copy.shape().equals(tensor.shape())
                && written.bytes(copy).mismatch(source.checkpoint().bytes(tensor)) < 0;
        if (!equal) {
            findings.tensor(
                    FindingCode.TENSOR_DIFFERS,
                    copy.file(),
                    tensor.name(),
                    "is not quantised and must equal the source's %s, found %s with other bytes"
                            .formatted(tensor.typeText(), copy.typeText()));
        }
    }

    /// Others lie over the values of the source.
    private void checkChanged(TensorInfo tensor) {
        boolean equal = written.has(tensor.name())
                && Arrays.equals(
                        new CheckpointWeights(written).vector(tensor.name(), tensor.shape()),
                        source.weights().vector(tensor.name(), tensor.shape()));
        if (!equal) {
            findings.each(
                    FindingCode.TENSOR_DIFFERS, "tensors that do not have the values they should have", tensor.name());
        }
    }

    private Compared compare(SourceModule module) {
        ModuleInfo info = module.linear().info();
        Optional<FusedStack.Member> stacked =
                info.stacked().filter(place -> place.stack().isIn(written));
        if (stacked.isPresent()) {
            return compare(module, stacked.get().open(new CheckpointWeights(written)));
        }
        boolean own = StoredNames.weight(written::has, info.name()).isPresent();
        if (!own) {
            boolean elsewhere = module.stored().isEmpty()
                    && module.linear().source().fusedTensors().stream().allMatch(written::has);
            return elsewhere
                    ? new Compared(Optional.empty(), Optional.empty())
                    : new Compared(
                            Optional.empty(),
                            Optional.of(new Problem(
                                    FindingCode.MODULE_MISSING,
                                    info.name(),
                                    "is in the source, and its weight was not written")));
        }
        CheckpointWeights after = new CheckpointWeights(written);
        return compare(
                module,
                module.isReplaced()
                        ? after.codes(info.name(), info.rows(), info.columns())
                        : after.linear(info.name(), info.rows(), info.columns()));
    }

    private Compared compare(SourceModule module, StoredWeight after) {
        ModuleInfo info = module.linear().info();
        StoredWeight before = module.weight();
        QuantizationError error = QuantizationError.between(before, after);
        double sqnr = error.sqnr();
        Optional<TensorError> result = before.formatName().equals(after.formatName()) && error.squaredError() == 0
                ? Optional.empty()
                : Optional.of(new TensorError(info.name(), before.formatName(), after.formatName(), error));
        Optional<Problem> problem = Optional.empty();
        if (Double.isNaN(error.squaredError()) || sqnr < UNLIKE) {
            problem = Optional.of(new Problem(
                    FindingCode.WEIGHT_UNLIKE,
                    info.name(),
                    String.format(Locale.ROOT, "does not resemble the source's weight: %.1f dB", sqnr)));
        } else if (sqnr < FAR) {
            problem = Optional.of(new Problem(
                    FindingCode.WEIGHT_FAR,
                    info.name(),
                    String.format(Locale.ROOT, "only %.1f dB above its quantisation error", sqnr)));
        }
        return new Compared(result, problem);
    }

    private static boolean isCacheScale(String tensor) {
        return CacheNames.isLikeOne(tensor);
    }
}
