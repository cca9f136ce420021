package io.github.steelyard.model;

import io.github.steelyard.tensor.Shape;

/// A tensor that a model reads as it is: a norm, a bias, an embedding.
///
/// @param name its name in the checkpoint
/// @param shape its shape there
public record ExpectedTensor(String name, Shape shape) {

    /// Returns a tensor of one extent.
    public static ExpectedTensor vector(String name, int length) {
        return new ExpectedTensor(name, Shape.of(length));
    }
}
