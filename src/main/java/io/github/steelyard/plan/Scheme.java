package io.github.steelyard.plan;

import static io.github.steelyard.quant.QuantFormat.FP8;
import static io.github.steelyard.quant.QuantFormat.FP8_BLOCK;
import static io.github.steelyard.quant.QuantFormat.FP8_DYNAMIC_TOKEN;
import static io.github.steelyard.quant.QuantFormat.FP8_PER_CHANNEL;
import static io.github.steelyard.quant.QuantFormat.MXFP4;
import static io.github.steelyard.quant.QuantFormat.MXFP8;
import static io.github.steelyard.quant.QuantFormat.NVFP4;

import io.github.steelyard.quant.QuantFormat;
import java.util.Map;
import java.util.Optional;

/// The formats of one linear module.
///
/// @param weight format of the weight; empty = as it is
/// @param input format of the input; empty = as it is
public record Scheme(Optional<QuantFormat> weight, Optional<QuantFormat> input) {

    /// Nothing quantised.
    public static final Scheme NONE = new Scheme(Optional.empty(), Optional.empty());

    private static final Map<Scheme, String> ALGORITHMS = Map.of(
            of(FP8, FP8),
            "FP8",
            of(FP8_PER_CHANNEL, FP8_DYNAMIC_TOKEN),
            "FP8_PER_CHANNEL_PER_TOKEN",
            new Scheme(Optional.of(FP8_BLOCK), Optional.empty()),
            "fp8_pb_wo",
            of(NVFP4, NVFP4),
            "NVFP4",
            new Scheme(Optional.of(NVFP4), Optional.empty()),
            "W4A16_NVFP4",
            new Scheme(Optional.of(MXFP4), Optional.empty()),
            "mxfp4",
            of(MXFP8, MXFP8),
            "MXFP8");

    /// Returns the scheme with both formats.
    public static Scheme of(QuantFormat weight, QuantFormat input) {
        return new Scheme(Optional.of(weight), Optional.of(input));
    }

    /// Returns ModelOpt's name for the pair, as `hf_quant_config.json` writes it; empty if no server loads it.
    public Optional<String> algorithm() {
        return Optional.ofNullable(ALGORITHMS.get(this));
    }

    /// Returns whether weight or input is quantised.
    public boolean isQuantised() {
        return weight.isPresent() || input.isPresent();
    }

    @Override
    public String toString() {
        return "weight %s, input %s"
                .formatted(
                        weight.map(QuantFormat::name).orElse("as it is"),
                        input.map(QuantFormat::name).orElse("as it is"));
    }
}
