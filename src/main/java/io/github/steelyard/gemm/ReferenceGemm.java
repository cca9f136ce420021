package io.github.steelyard.gemm;

import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.matrix.HeapPanels;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.MatrixProduct;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.Panels;
import io.github.steelyard.matrix.RowPromise;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.matrix.WeightSource;

/// The specification of the matrix product: one float64 sum per element, rounded once. Its panels are one output
/// feature wide, which is the plain row-major weight.
record ReferenceGemm() implements MatrixProduct {

    private static final Panels PANELS = new Panels(1, 1);

    @Override
    public String name() {
        return "reference";
    }

    @Override
    public String detail() {
        return "plain loops";
    }

    @Override
    public RowPromise rows() {
        return RowPromise.SAME_BITS;
    }

    @Override
    public Weight newWeight() {
        return new HeapPanels(PANELS);
    }

    @Override
    public Worker newWorker() {
        return new Loops();
    }

    private static final class Loops implements Worker {

        @Override
        public void pack(WeightSource source, Weight target) {
            ((HeapPanels) target).pack(source, Kernels.reference());
        }

        @Override
        public void multiply(Matrix a, PackedWeight.Slice w, Update update, Matrix c) {
            HeapPanels panels = (HeapPanels) w.content();
            for (int row = 0; row < a.rows(); row++) {
                for (int column = 0; column < w.rows(); column++) {
                    int x = a.at(row);
                    int y = panels.at(w.fromRow() + column, w.fromColumn());
                    double sum = 0;
                    for (int i = 0; i < w.columns(); i++) {
                        sum += (double) a.values()[x + i] * panels.values()[y + i];
                    }
                    int target = c.at(row) + column;
                    c.values()[target] = switch (update) {
                        case SET -> (float) sum;
                        case ADD -> (float) (sum + c.values()[target]);
                    };
                }
            }
        }

        @Override
        public void close() {
            // Nothing is held.
        }
    }
}
