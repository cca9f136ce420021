package io.github.steelyard.export;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.files.Finding;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.model.ModuleInfo;
import io.github.steelyard.quant.QuantizationError;
import io.github.steelyard.weights.FusedStack;
import io.github.steelyard.weights.Weights;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// Holds a checkpoint against the one that it was made from: nothing lost, what is not quantised equal to the byte, and
/// the error of every weight that is.
final class SourceChecks {

    /// Below this the weight is not a quantised copy of the source's, in dB. NVFP4 keeps about 20, noise has below 0.
    private static final double UNLIKE = 6;

    /// Below this the weight is suspiciously far, in dB.
    private static final double FAR = 15;

    private static final Set<String> CACHE_SUFFIXES = Set.of("k_scale", "v_scale", "kv_scale", "output_scale");

    private final ExportSource source;
    private final Checkpoint written;
    private final Findings findings;

    SourceChecks(ExportSource source, Checkpoint written, Findings findings) {
        this.source = source;
        this.written = written;
        this.findings = findings;
    }

    /// Returns the error of every weight that is stored otherwise than in the source.
    List<TensorError> check() {
        List<SourceModule> modules = source.modules();
        Set<String> known = new HashSet<>();
        modules.forEach(module -> known.addAll(module.tensorNames()));
        for (TensorInfo tensor : source.checkpoint().tensors().values()) {
            if (!known.contains(tensor.name()) && !isCacheScale(tensor.name())) {
                checkCopied(tensor);
            }
        }
        List<TensorError> errors = new ArrayList<>();
        List<Compared> compared = modules.parallelStream().map(this::compare).toList();
        for (Compared result : compared) {
            result.error().ifPresent(errors::add);
            findings.addAll(result.findings());
        }
        return errors;
    }

    /// What the comparison of one module gave.
    private record Compared(Optional<TensorError> error, List<Finding> findings) {
        static Compared clean() {
            return new Compared(Optional.empty(), List.of());
        }
    }

    private void checkCopied(TensorInfo tensor) {
        if (!written.has(tensor.name())) {
            findings.error("tensor-missing", tensor.name(), "is in the source and was not written");
            return;
        }
        TensorInfo copy = written.tensor(tensor.name());
        boolean equal = copy.dtype() == tensor.dtype()
                && copy.shape().equals(tensor.shape())
                && written.bytes(copy).mismatch(source.checkpoint().bytes(tensor)) < 0;
        if (!equal) {
            findings.error(
                    "tensor-differs",
                    tensor.name(),
                    "is not quantised and must equal the source's %s, found %s with other bytes"
                            .formatted(tensor.typeText(), copy.typeText()));
        }
    }

    private Compared compare(SourceModule module) {
        ModuleInfo info = module.linear().info();
        Optional<FusedStack.Member> stacked =
                info.stacked().filter(place -> place.stack().isIn(written));
        if (stacked.isPresent()) {
            return compare(module, stacked.get().open(new Weights(written)));
        }
        boolean own = written.has(info.name() + ".weight") || written.has(info.name() + ".weight_packed");
        if (!own) {
            boolean elsewhere = module.stored().isEmpty()
                    && module.linear().source().fusedTensors().stream().allMatch(written::has);
            return elsewhere
                    ? Compared.clean()
                    : problem("module-missing", info.name(), "is in the source, and its weight was not written");
        }
        return compare(module, new Weights(written).linear(info.name(), info.rows(), info.columns()));
    }

    private Compared compare(SourceModule module, StoredWeight after) {
        ModuleInfo info = module.linear().info();
        StoredWeight before = module.weight();
        QuantizationError error = error(before, after);
        double sqnr = error.sqnr();
        Optional<TensorError> result = before.formatName().equals(after.formatName()) && error.squaredError() == 0
                ? Optional.empty()
                : Optional.of(new TensorError(info.name(), before.formatName(), after.formatName(), error));
        if (Double.isNaN(error.squaredError()) || sqnr < UNLIKE) {
            String message = String.format(Locale.ROOT, "does not resemble the source's weight: %.1f dB", sqnr);
            return new Compared(
                    result, problem("weight-unlike", info.name(), message).findings());
        }
        List<Finding> warnings = sqnr < FAR
                ? List.of(Finding.warning(
                        "weight-far",
                        info.name(),
                        String.format(Locale.ROOT, "%s: only %.1f dB above its quantisation error", info.name(), sqnr)))
                : List.of();
        return new Compared(result, warnings);
    }

    private static Compared problem(String code, String subject, String message) {
        return new Compared(Optional.empty(), List.of(Finding.error(code, subject, subject + ": " + message)));
    }

    private static QuantizationError error(StoredWeight before, StoredWeight after) {
        QuantizationError total = QuantizationError.NONE;
        for (int piece = 0; piece < TensorContent.Pieces.of(before); piece++) {
            float[] values = TensorContent.Pieces.rows(before, piece).values();
            float[] copies = TensorContent.Pieces.rows(after, piece).values();
            total = total.plus(QuantizationError.of(values, 0, copies, 0, values.length, Float.POSITIVE_INFINITY));
        }
        return total;
    }

    private static boolean isCacheScale(String tensor) {
        return CACHE_SUFFIXES.contains(tensor.substring(tensor.lastIndexOf('.') + 1));
    }
}
