package io.github.steelyard.weights;

import io.github.steelyard.format.StoredWeight;

/// What an adapter adds to the product of a linear layer: `scale · (x · aᵀ) · bᵀ`, with a rank that is small beside the
/// layer's extents.
///
/// Source: PEFT, `lora.Linear` (see `docs/SOURCES.md`).
///
/// @param variant which copy of the text it is added in: an index of the pass
/// @param a from the layer's input `(rank, columns)`
/// @param b to the layer's output `(rows, rank)`
/// @param scale factor of the product
public record LowRank(int variant, StoredWeight a, StoredWeight b, float scale) {

    /// @throws IllegalArgumentException if the two do not have one rank
    public LowRank {
        if (a.rows() != b.columns()) {
            throw new IllegalArgumentException("the ranks of a and b differ: " + a.rows() + ", " + b.columns());
        }
    }

    /// Returns the inner extent.
    public int rank() {
        return a.rows();
    }
}
