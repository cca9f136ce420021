package io.github.steelyard.dialect;

/// The one scale of a weight or an input, as a checkpoint holds it.
///
/// @param value what is stored
/// @param reciprocal whether that is the reciprocal of the multiplier
public record TensorScale(float value, boolean reciprocal) {

    /// Returns the multiplier. Of a reciprocal it is the nearest float32.
    public float multiplier() {
        return as(false).value;
    }

    /// Returns the scale as another dialect stores it: the float32 nearest to the reciprocal where that is asked.
    public TensorScale as(boolean wanted) {
        return wanted == reciprocal ? this : new TensorScale(1 / value, wanted);
    }

    /// Returns by how much the multiplier changes, relative to its size, when a checkpoint of the other convention
    /// holds its reciprocal and a server takes the reciprocal of that; 0 for most.
    public double error() {
        double there = value;
        return Math.abs(1 / (1 / value) - there) / there;
    }
}
