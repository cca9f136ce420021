package io.github.steelyard.calibration;

/// What a [Calibrator] decides for one site: what its quantizer is written with.
///
/// The kinds to come, and what else has to follow them:
///
/// - block scales from a weight and its inputs: a tensor amax, which shares as this one does, and an amax for each
///   block, which stays as it is when the tensor's is shared. Those from the weight alone are none: [PlannedWeights]
///   makes them where the weight is encoded (ADR 0031);
/// - a factor for each input channel, which goes into the weight and out of the norm before it: one for all that share
///   the input;
/// - another weight, solved: it lies over the checkpoint's where weights are read.
sealed interface Calibrated {

    /// One amax for the whole tensor.
    ///
    /// @param amax positive and finite, in the tensor's own units
    record TensorAmax(float amax) implements Calibrated {}
}
