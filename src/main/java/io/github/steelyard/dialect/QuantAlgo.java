package io.github.steelyard.dialect;

import io.github.steelyard.format.Format;
import java.util.Optional;
import java.util.stream.Stream;

/// The formats of a module's weight and its input together, where servers know the pair: what ModelOpt's `quant_algo`
/// says of a module, and two more that compressed-tensors alone can say ([Dialect.Written#has]).
///
/// Source: MODELOPT, COMPRESSED-TENSORS (see `docs/SOURCES.md`).
public enum QuantAlgo {
    /// E4M3 weight and input, each with one scale.
    FP8("FP8", Format.FP8, Optional.of(Format.FP8)),
    /// E4M3 weight with one scale; the input stays as it is.
    W8A16_FP8("W8A16_FP8", Format.FP8, Optional.empty()),
    /// E4M3 weight with a scale per output feature; the input stays as it is.
    W8A16_FP8_CHANNEL("W8A16_FP8_CHANNEL", Format.FP8_PER_CHANNEL, Optional.empty()),
    /// E4M3 weight with a scale per output feature; the input's scales are made per token at run time.
    FP8_PER_CHANNEL("FP8_PER_CHANNEL_PER_TOKEN", Format.FP8_PER_CHANNEL, Optional.of(Format.FP8_DYNAMIC_TOKEN)),
    /// E4M3 weight with a scale per tile of 128 x 128; the input stays as it is.
    FP8_BLOCK("fp8_pb_wo", Format.FP8_BLOCK, Optional.empty()),
    /// E4M3 weight with a scale per tile of 128 x 128; the input's scales are made per token and 128 columns at run
    /// time.
    FP8_BLOCK_DYNAMIC("FP8_BLOCK", Format.FP8_BLOCK, Optional.of(Format.FP8_DYNAMIC_GROUP)),
    /// E2M1 weight and input in blocks of 16.
    NVFP4("NVFP4", Format.NVFP4, Optional.of(Format.NVFP4)),
    /// As [#NVFP4], the input multiplied by factors of its channels before.
    NVFP4_AWQ("NVFP4_AWQ", Format.NVFP4, Optional.of(Format.NVFP4)),
    /// E2M1 weight in blocks of 16; the input stays as it is.
    W4A16_NVFP4("W4A16_NVFP4", Format.NVFP4, Optional.empty()),
    /// E2M1 weight in blocks of 32 with E8M0 scales; the input stays as it is.
    MXFP4("mxfp4", Format.MXFP4, Optional.empty()),
    /// E2M1 weight and input in blocks of 32 with E8M0 scales, made at run time for the input.
    W4A4_MXFP4("W4A4_MXFP4", Format.MXFP4, Optional.of(Format.MXFP4)),
    /// E4M3 weight and input in blocks of 32 with E8M0 scales, made at run time for the input.
    MXFP8("MXFP8", Format.MXFP8, Optional.of(Format.MXFP8)),
    /// Integers of four bits in groups of a row; the input stays as it is.
    W4A16_INT("W4A16_AWQ", Format.INT4, Optional.empty()),
    /// Integers of four bits in groups of a row, rounded to FP8; the input is FP8 with one scale.
    W4A8_INT("W4A8_AWQ", Format.INT4_FP8, Optional.of(Format.FP8)),
    /// E2M1 weight in blocks of 16 or 32 whose scales stay below `448 / 6`; the input is FP8 with one scale.
    W4A8_NVFP4("W4A8_NVFP4_FP8", Format.NVFP4, Optional.of(Format.FP8)),
    W4A8_NVFP4_32("W4A8_NVFP4_FP8", Format.NVFP4_32, Optional.of(Format.FP8)),
    /// E2M1 weight in blocks of 32 with E8M0 scales; the input is FP8 with one scale.
    W4A8_MXFP4("W4A8_MXFP4_FP8", Format.MXFP4, Optional.of(Format.FP8)),
    /// Integers of eight bits with a scale per output feature; the input stays as it is.
    W8A16_INT("W8A16", Format.INT8_PER_CHANNEL, Optional.empty()),
    /// Integers of eight bits, a scale per output feature of the weight and one for the input.
    W8A8_INT("W8A8_SQ_PER_CHANNEL", Format.INT8_PER_CHANNEL, Optional.of(Format.INT8)),
    /// Integers of eight bits with a scale per output feature; the input's scales are made per token at run time.
    W8A8_INT_DYNAMIC("W8A8_INT8", Format.INT8_PER_CHANNEL, Optional.of(Format.INT8_DYNAMIC_TOKEN)),
    /// Integers of eight bits, weight and input each with one scale.
    W8A8_INT_TENSOR("W8A8_INT8_TENSOR", Format.INT8, Optional.of(Format.INT8));

    private final String word;
    private final Format weight;
    private final Optional<Format> input;

    QuantAlgo(String word, Format weight, Optional<Format> input) {
        this.word = word;
        this.weight = weight;
        this.input = input;
    }

    /// Returns the value for these formats; empty if no dialect has one.
    ///
    /// @param weight format of the weight; empty = as it is
    /// @param input format of the input; empty = as it is
    public static Optional<QuantAlgo> of(Optional<Format> weight, Optional<Format> input) {
        for (QuantAlgo algo : values()) {
            if (weight.equals(Optional.of(algo.weight)) && input.equals(algo.input)) {
                return Optional.of(algo);
            }
        }
        return Optional.empty();
    }

    /// Returns the value for these formats where inputs are multiplied by factors of their channels before they are
    /// quantised; empty if no dialect has one.
    ///
    /// @param weight as of [#of]
    /// @param input as of [#of]
    public static Optional<QuantAlgo> ofScaledInputs(Optional<Format> weight, Optional<Format> input) {
        return of(weight, input)
                .map(plain -> plain == NVFP4 ? NVFP4_AWQ : plain)
                .filter(QuantAlgo::hasInputFactors);
    }

    /// Returns the value under which weights of a format have factors of inputs; empty if there is none.
    public static Optional<QuantAlgo> ofScaledInputs(Format weight) {
        return Stream.of(values())
                .filter(algo -> algo.hasInputFactors() && algo.weight == weight)
                .findFirst();
    }

    /// Returns whether inputs may be multiplied by factors of their channels before they are quantised.
    public boolean hasInputFactors() {
        return this == NVFP4_AWQ || this == W4A16_INT || this == W4A8_INT;
    }

    /// Returns the value as ModelOpt writes it, of those that it has; for people of the others.
    public String word() {
        return word;
    }

    /// Returns the format of the weight.
    public Format weight() {
        return weight;
    }

    /// Returns the format of the input, empty if it stays as it is.
    public Optional<Format> input() {
        return input;
    }

    /// Returns whether the input's scale is calibrated and written.
    public boolean hasInputScale() {
        return input.filter(Format::hasTensorScale).isPresent();
    }

    /// Returns whether ModelOpt describes a model of this one value under `config_groups`.
    public boolean hasConfigGroup() {
        return this == FP8 || this == NVFP4 || this == W4A16_NVFP4;
    }
}
