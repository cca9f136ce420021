package io.github.steelyard.model;

import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.RowListener;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Variants;
import io.github.steelyard.weights.LowRank;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Scratch;
import java.util.ArrayList;
import java.util.List;

/// What adapters add to the product of layers that read the same input, unmerged: `y += scale · (x · aᵀ) · bᵀ` for the
/// rows of the copy of the text that an adapter is applied in. A row gets the same bits whatever rows it comes with,
/// as far as the matrix product promises that.
final class Additions {

    private final List<Addition> additions;

    /// One adapter's addition to one layer.
    ///
    /// @param variant the copy of the text
    /// @param firstRow the layer's first output feature among those of all layers
    private record Addition(int variant, int firstRow, PackedWeight a, PackedWeight b, float scale) {

        int endRow() {
            return firstRow + b.rows();
        }
    }

    private Additions(List<Addition> additions) {
        this.additions = additions;
    }

    /// Packs what is added to `layers`, one below the other. No tap sees it: servers do not quantise it.
    ///
    /// @param memory where it is kept
    static Additions load(List<Linear> layers, Weights weights, Lane lane, Scratch.Frame memory) {
        List<Addition> additions = new ArrayList<>();
        int firstRow = 0;
        for (Linear layer : layers) {
            for (LowRank added : weights.additions(layer.info().name())) {
                additions.add(new Addition(
                        added.variant(),
                        firstRow,
                        pack(added.a(), lane, memory),
                        pack(added.b(), lane, memory),
                        added.scale()));
            }
            firstRow += layer.info().rows();
        }
        return new Additions(additions);
    }

    /// Returns whether nothing is added.
    boolean isEmpty() {
        return additions.isEmpty();
    }

    private static PackedWeight pack(StoredWeight weight, Lane lane, Scratch.Frame memory) {
        PackedWeight packed = memory.packed();
        lane.pack(List.of(weight), RowListener.NONE, packed);
        return packed;
    }

    /// Adds to rows of an output what belongs to them.
    ///
    /// @param x the input: all features, or some from `column` on
    /// @param source where rows come from
    /// @param index of the first row of `x` among those of `source`
    /// @param feature the output feature of the layers that `y` begins with
    /// @param y rows of `x.rows()`, some output features
    void add(Matrix x, RowSource source, int index, int feature, int column, Matrix y, Phase phase, Lane lane) {
        if (additions.isEmpty()) {
            return;
        }
        Variants variants = lane.pass().variants();
        int rows = x.rows();
        for (int row = 0; row < rows; ) {
            int variant = variants.of(source, index + row);
            int end = variants.endOfRun(source, index + row, index + rows) - index;
            for (Addition addition : additions) {
                if (addition.variant == variant) {
                    add(addition, x.rowRange(row, end), feature, column, y.rowRange(row, end), phase, lane);
                }
            }
            row = end;
        }
    }

    private static void add(
            Addition addition, Matrix x, int firstRow, int firstColumn, Matrix y, Phase phase, Lane lane) {
        int begin = Math.max(firstRow, addition.firstRow);
        int end = Math.min(firstRow + y.columns(), addition.endRow());
        if (begin >= end) {
            return;
        }
        long start = lane.begin();
        int rank = addition.a.rows();
        try (Scratch.Frame frame = lane.frame()) {
            float[] inner = frame.floats((long) x.rows() * rank);
            Matrix between = Matrix.dense(inner, x.rows(), rank);
            lane.multiply(x, addition.a.slice(0, rank, firstColumn, firstColumn + x.columns()), Update.SET, between);
            lane.kernels().scale(addition.scale, inner, 0, x.rows() * rank);
            PackedWeight.Slice b = addition.b.slice(begin - addition.firstRow, end - addition.firstRow, 0, rank);
            lane.multiply(between, b, Update.ADD, y.columnRange(begin - firstRow, end - firstRow));
        }
        double features = x.columns() + (double) (end - begin);
        lane.end(phase, start, 2.0 * x.rows() * rank * features, 4.0 * features * (rank + x.rows()));
    }
}
