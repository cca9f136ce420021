package io.github.steelyard.matrix;

/// What a [MatrixProduct] promises about row `r` of `C = A Wᵀ`.
public enum RowPromise {
    /// It depends on row `r` of `A` and on the slice of the weight alone, bit for bit: not on the number of rows, on
    /// the row's position, on its neighbours, or on strides and offsets. So results do not depend on how tokens are
    /// batched, on threads or on the memory budget.
    SAME_BITS,
    /// The same within rounding: two runs that cut the tokens differently may differ in the last bits.
    SAME_WITHIN_ROUNDING
}
