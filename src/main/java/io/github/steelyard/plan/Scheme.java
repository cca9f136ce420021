package io.github.steelyard.plan;

import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.format.Format;
import java.util.Optional;

/// The formats of one linear module.
///
/// @param weight format of the weight; empty = as it is
/// @param input format of the input; empty = as it is
public record Scheme(Optional<Format> weight, Optional<Format> input) {

    /// Nothing quantised.
    public static final Scheme NONE = new Scheme(Optional.empty(), Optional.empty());

    /// Returns the scheme with both formats.
    public static Scheme of(Format weight, Format input) {
        return new Scheme(Optional.of(weight), Optional.of(input));
    }

    /// Returns the name for the pair; empty if no server loads it.
    public Optional<QuantAlgo> algorithm() {
        return QuantAlgo.of(weight, input);
    }

    /// Returns whether weight or input is quantised.
    public boolean isQuantised() {
        return weight.isPresent() || input.isPresent();
    }

    @Override
    public String toString() {
        return "weight %s, input %s"
                .formatted(
                        weight.map(Format::name).orElse("as it is"),
                        input.map(Format::name).orElse("as it is"));
    }
}
