package io.github.steelyard.dialect;

/// What a config says of one module: the formats of its weight and its input, and where those leave it open, how many
/// elements of a row of the weight share a scale.
///
/// @param algo the formats
/// @param block elements of a row that share a scale, 0 where rows are not cut
public record ModuleFormat(QuantAlgo algo, int block) {

    /// A pair of formats that says itself which elements share a scale.
    public ModuleFormat(QuantAlgo algo) {
        this(algo, algo.weight().block());
    }
}
