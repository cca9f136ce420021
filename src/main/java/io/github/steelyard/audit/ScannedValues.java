package io.github.steelyard.audit;

import io.github.steelyard.census.ScanResult;
import io.github.steelyard.census.StoredModule;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.Format.Coding;
import io.github.steelyard.format.Nvfp4;
import java.util.Locale;
import java.util.Optional;

/// Values that are not what they must be: weights finite, scales finite, positive and such that a measurement can have
/// led to them.
record ScannedValues() implements Check {

    /// Amax outside `2^-40 … 2^40` is no measurement but uninitialised memory.
    private static final double PLAUSIBLE = 0x1p40;

    @Override
    public void run(Subject subject, Findings findings) {
        subject.values().forEach((tensor, result) -> {
            boolean read = subject.parts().reads(tensor.name());
            switch (result) {
                case ScanResult.Plain plain -> checkFinite(tensor, plain, read, findings);
                case ScanResult.Scales scales -> checkScales(subject, tensor, scales, read, findings);
            }
        });
    }

    private static void checkFinite(TensorInfo tensor, ScanResult.Plain plain, boolean read, Findings findings) {
        if (plain.notFinite().count() > 0) {
            findings.tensor(
                    FindingCode.NOT_FINITE,
                    tensor.file(),
                    tensor.name(),
                    read,
                    String.format(
                            Locale.ROOT,
                            "wanted finite values, found %d of %d that are not, the first at index %d",
                            plain.notFinite().count(),
                            tensor.shape().elements(),
                            plain.notFinite().first()));
        }
    }

    private static void checkScales(
            Subject subject, TensorInfo tensor, ScanResult.Scales scales, boolean read, Findings findings) {
        Optional<Double> amax = amax(subject, tensor, scales);
        if (scales.bad() > 0) {
            findings.tensor(
                    FindingCode.SCALE_INVALID,
                    tensor.file(),
                    tensor.name(),
                    read,
                    String.format(
                            Locale.ROOT,
                            "wanted finite and positive scales, found %s at index %d, %d of %d are not",
                            scales.example(),
                            scales.first(),
                            scales.bad(),
                            tensor.shape().elements()));
        } else if (overflows(subject, tensor, amax)) {
            findings.tensor(
                    FindingCode.SCALE_INVALID,
                    tensor.file(),
                    tensor.name(),
                    read,
                    "wanted a scale whose amax is finite, found %s"
                            .formatted(scales.single().orElseThrow()));
        } else {
            if (scales.implausible() > 0
                    || amax.filter(value -> value > PLAUSIBLE || value < 1 / PLAUSIBLE)
                            .isPresent()) {
                findings.of(read)
                        .each(
                                FindingCode.SCALE_IMPLAUSIBLE,
                                "scales so small or large that arithmetic with them overflows, or their amax was never measured",
                                tensor.name());
            }
            if (scales.zeroBlocks() > 0) {
                findings.of(read)
                        .each(
                                FindingCode.SCALE_ZERO_BLOCK,
                                "block scales of zero over codes that are not zero, whole blocks become 0",
                                tensor.name());
            }
        }
    }

    /// Returns whether an input's amax is beyond float32. An amax within range may have led to a weight's.
    private static boolean overflows(Subject subject, TensorInfo tensor, Optional<Double> amax) {
        boolean checked = switch (subject.stored().partOf(tensor.name()).orElse(Part.WEIGHT)) {
            case INPUT_SCALE, INPUT_GLOBAL_SCALE, WEIGHT_GLOBAL_SCALE, K_SCALE, V_SCALE, OTHER_SCALE -> true;
            case WEIGHT,
                    WEIGHT_PACKED,
                    BLOCKS,
                    WEIGHT_SCALE,
                    WEIGHT_SCALE_2,
                    WEIGHT_SCALE_INV,
                    WEIGHT_ZERO_POINT,
                    WEIGHT_SHAPE,
                    SCALES -> false;
        };
        return checked && amax.filter(value -> value > Float.MAX_VALUE).isPresent();
    }

    /// Returns the amax that a scale of a whole tensor was made from, in the tensor's units.
    static Optional<Double> amax(Subject subject, TensorInfo tensor, ScanResult.Scales scales) {
        Optional<StoredModule> module = subject.stored().moduleOf(tensor.name());
        boolean nvfp4 = module.filter(found -> found.is(Coding.NVFP4)).isPresent();
        boolean fp8Tensor = module.flatMap(StoredModule::format)
                .filter(format -> format == Format.FP8)
                .isPresent();
        double range = nvfp4 ? Nvfp4.RANGE : E4m3.MAX;
        return scales.single()
                .flatMap(value -> switch (subject.stored().partOf(tensor.name()).orElse(Part.WEIGHT)) {
                    case INPUT_SCALE, WEIGHT_SCALE_2 -> Optional.of(value * range);
                    case K_SCALE, V_SCALE, OTHER_SCALE -> Optional.of((double) value * E4m3.MAX);
                    case INPUT_GLOBAL_SCALE, WEIGHT_GLOBAL_SCALE -> Optional.of(range / value);
                    case WEIGHT_SCALE, WEIGHT_SCALE_INV -> fp8Tensor ? Optional.of(value * range) : Optional.empty();
                    case WEIGHT, WEIGHT_PACKED, BLOCKS, WEIGHT_ZERO_POINT, WEIGHT_SHAPE, SCALES -> Optional.empty();
                });
    }
}
