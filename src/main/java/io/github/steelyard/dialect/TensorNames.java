package io.github.steelyard.dialect;

import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// The names under which a dialect keeps one weight and what belongs to it. Where a publisher has used several names
/// for one thing, the first is the one that is written.
///
/// @param codes values or codes
/// @param scales the weight's scale, or its block scales; always multipliers
/// @param globalScale the second-level scale of a four-bit weight, if the dialect has one
/// @param inputScales the static scale of the input
/// @param reciprocal whether `globalScale` and `inputScales` hold reciprocals of the multipliers
public record TensorNames(
        String codes, List<String> scales, Optional<String> globalScale, List<String> inputScales, boolean reciprocal) {

    public TensorNames {
        scales = List.copyOf(scales);
        inputScales = List.copyOf(inputScales);
    }

    /// Returns the name under which the weight's scale is written.
    public String scale() {
        return scales.getFirst();
    }

    /// Returns the name under which the input's scale is written.
    ///
    /// @throws java.util.NoSuchElementException if the dialect has none
    public String inputScale() {
        return inputScales.getFirst();
    }

    /// Returns the name of the scale that a checkpoint has, if it has one.
    ///
    /// @param has tells whether it holds a tensor
    public Optional<String> scale(Predicate<String> has) {
        return scales.stream().filter(has).findFirst();
    }

    /// Returns all names.
    List<String> all() {
        return Stream.of(List.of(codes), scales, globalScale.stream().toList(), inputScales)
                .flatMap(List::stream)
                .toList();
    }

    /// Returns the name of the second-level scale.
    ///
    /// @throws java.util.NoSuchElementException if the dialect has none
    public String secondScale() {
        return globalScale.orElseThrow();
    }
}
