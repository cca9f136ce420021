package io.github.steelyard.plan;

import io.github.steelyard.dialect.ModuleFormat;
import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.format.Format;
import java.util.Optional;

/// The formats of one linear module.
///
/// @param weight format of the weight; empty = as it is
/// @param input format of the input; empty = as it is
/// @param block elements of a row of the weight that share a scale, where its format leaves it open; else 0
/// @param scaledInput whether the input is multiplied by factors of its channels before it meets quantizer and weight
public record Scheme(Optional<Format> weight, Optional<Format> input, int block, boolean scaledInput) {

    /// Nothing quantised.
    public static final Scheme NONE = new Scheme(Optional.empty(), Optional.empty());

    /// A scheme whose weight's format says itself which elements share a scale.
    public Scheme(Optional<Format> weight, Optional<Format> input) {
        this(weight, input, 0, false);
    }

    /// Returns the scheme with both formats.
    public static Scheme of(Format weight, Format input) {
        return new Scheme(Optional.of(weight), Optional.of(input));
    }

    /// Returns the name for the pair; empty if no server loads it.
    public Optional<QuantAlgo> algorithm() {
        return scaledInput ? QuantAlgo.ofScaledInputs(weight, input) : QuantAlgo.of(weight, input);
    }

    /// Returns what a config says of the module; empty if no server loads it.
    public Optional<ModuleFormat> declared() {
        return algorithm().map(algo -> block == 0 ? new ModuleFormat(algo) : new ModuleFormat(algo, block));
    }

    /// Returns whether weight or input is quantised.
    public boolean isQuantised() {
        return weight.isPresent() || input.isPresent();
    }

    @Override
    public String toString() {
        return "weight %s, input %s"
                .formatted(
                        weight.map(Format::name).orElse("as it is") + (block == 0 ? "" : " in groups of " + block),
                        input.map(Format::name).orElse("as it is") + (scaledInput ? " times factors" : ""));
    }
}
