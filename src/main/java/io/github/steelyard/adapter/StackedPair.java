package io.github.steelyard.adapter;

import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.weights.FusedStack;
import io.github.steelyard.weights.LowRank;

/// What is added to a parameter that holds one matrix `(rows, columns)` for each expert. The two stored matrices hold
/// those of all experts:
///
/// | stored | a `(experts · rank, …)` | b `(…, rank · experts)` | matrix of expert `e` |
/// |---|---|---|---|
/// | as it is applied | `…` are the columns | `…` are the rows | `bₑ · aₑ` |
/// | turned | `…` are the rows | `…` are the columns | `(bₑ · aₑ)ᵀ` |
///
/// Row `e · rank + k` of a, and column `k · experts + e` of b, are the `k`th of expert `e`. It is stored turned where
/// PEFT took the outputs of a parameter, which stand first in it, for its inputs.
///
/// Source: PEFT, `ParamWrapper.get_delta_weight` (see `docs/SOURCES.md`).
///
/// @param pair what is stored
/// @param experts number of experts
/// @param rank rank of each expert
/// @param turned whether it is stored turned
/// @param scale factor of the product
record StackedPair(Pairs.Pair pair, int experts, int rank, boolean turned, float scale) {

    /// Element `(row, column)` of a matrix.
    private interface Element {
        float at(int row, int column);
    }

    /// Returns what is added to one module.
    ///
    /// @param expert the expert that it belongs to
    /// @param part which of the matrix's rows it has
    /// @param rows number of these
    /// @param columns its input features
    LowRank of(int variant, int expert, FusedStack.Part part, int rows, int columns) {
        int all = turned ? pair.a().values().columns() : pair.b().values().rows();
        int first = part.firstRow(all);
        int step = part.step();
        StoredWeight own = pair.a().values().rowRange(expert * rank, (expert + 1) * rank); // (rank, …)
        Element others = pair.b()::at; // (…, rank · experts)
        if (!turned) {
            return new LowRank(
                    variant,
                    own,
                    gathered(rows, rank, (row, k) -> others.at(first + row * step, k * experts + expert)),
                    scale);
        }
        int width = own.columns();
        float[] values = new float[rank * width];
        own.decodeRows(0, rank, values, 0);
        return new LowRank(
                variant,
                gathered(rank, columns, (k, column) -> others.at(column, k * experts + expert)),
                gathered(rows, rank, (row, k) -> values[k * width + first + row * step]),
                scale);
    }

    private static StoredWeight gathered(int rows, int columns, Element element) {
        float[] values = new float[Math.multiplyExact(rows, columns)];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                values[row * columns + column] = element.at(row, column);
            }
        }
        return PlainWeight.ofFloats(values, rows, columns);
    }
}
