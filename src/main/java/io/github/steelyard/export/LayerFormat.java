package io.github.steelyard.export;

import io.github.steelyard.plan.Scheme;
import io.github.steelyard.quant.QuantFormat;
import io.github.steelyard.weights.WeightTensors;
import java.util.Optional;
import java.util.OptionalInt;

/// How a written module is declared to servers: ModelOpt's names of weight and input formats together.
enum LayerFormat {
    /// E4M3 weight and input, each with one scale.
    FP8("FP8", 0),
    /// E4M3 weight with a scale per output feature; the input's scales are made per token at run time.
    FP8_PER_CHANNEL("FP8_PER_CHANNEL_PER_TOKEN", 0),
    /// E4M3 weight with a scale per tile of 128 x 128; the input stays as it is.
    FP8_BLOCK("fp8_pb_wo", 0),
    /// E2M1 weight and input in blocks of 16.
    NVFP4("NVFP4", 16),
    /// E2M1 weight in blocks of 16; the input stays as it is.
    W4A16_NVFP4("W4A16_NVFP4", 16),
    /// E2M1 weight in blocks of 32 with E8M0 scales; the input stays as it is.
    MXFP4("mxfp4", 32),
    /// E4M3 weight and input in blocks of 32 with E8M0 scales, made at run time for the input.
    MXFP8("MXFP8", 32);

    private final String algorithm;
    private final int groupSize;

    LayerFormat(String algorithm, int groupSize) {
        this.algorithm = algorithm;
        this.groupSize = groupSize;
    }

    /// Returns the format that servers know for `scheme`, empty if there is none.
    static Optional<LayerFormat> of(Scheme scheme) {
        Optional<String> algorithm = scheme.algorithm();
        for (LayerFormat format : values()) {
            if (algorithm.equals(Optional.of(format.algorithm))) {
                return Optional.of(format);
            }
        }
        return Optional.empty();
    }

    /// Returns the format of the weight.
    QuantFormat weight() {
        return switch (this) {
            case FP8 -> QuantFormat.FP8;
            case FP8_PER_CHANNEL -> QuantFormat.FP8_PER_CHANNEL;
            case FP8_BLOCK -> QuantFormat.FP8_BLOCK;
            case NVFP4, W4A16_NVFP4 -> QuantFormat.NVFP4;
            case MXFP4 -> QuantFormat.MXFP4;
            case MXFP8 -> QuantFormat.MXFP8;
        };
    }

    /// Returns the value of `quant_algo`.
    String algorithm() {
        return algorithm;
    }

    /// Returns the value of `group_size`, the elements per block.
    OptionalInt groupSize() {
        return groupSize == 0 ? OptionalInt.empty() : OptionalInt.of(groupSize);
    }

    /// Returns whether `columns` input features can be cut into this format's blocks.
    boolean fits(int columns) {
        return groupSize == 0 || columns % groupSize == 0;
    }

    /// Returns whether ModelOpt describes a model of this one format under `config_groups`.
    boolean hasConfigGroup() {
        return this == FP8 || isNvfp4();
    }

    /// Returns whether the weight is NVFP4, whose global scale servers want equal in modules that share an input.
    boolean isNvfp4() {
        return this == NVFP4 || this == W4A16_NVFP4;
    }

    /// Returns whether the input's scale is calibrated and written.
    boolean hasInputScale() {
        return this == FP8 || this == NVFP4;
    }

    /// Returns whether a weight stored as `kind` already has the codes and scales of this format.
    boolean isStoredAs(WeightTensors.Kind kind) {
        return switch (kind) {
            case PLAIN, INT_PACKED -> false;
            case FP8_BLOCK -> this == FP8_BLOCK;
            case FP8_TENSOR -> this == FP8;
            case FP8_CHANNEL -> this == FP8_PER_CHANNEL;
            case NVFP4, NVFP4_PACKED -> isNvfp4();
            case MXFP4 -> this == MXFP4;
            case MXFP8 -> this == MXFP8;
        };
    }
}
