package io.github.steelyard.testing;

import io.github.steelyard.matrix.GemmProvider;
import io.github.steelyard.matrix.Matrix;
import io.github.steelyard.matrix.MatrixProduct;
import io.github.steelyard.matrix.PackedWeight;
import io.github.steelyard.matrix.RowPromise;
import io.github.steelyard.matrix.Update;
import io.github.steelyard.matrix.WeightSource;

/// A matrix product as somebody else might add it: found by `ServiceLoader` on the test class path, of public parts
/// alone. Its weights are the plain rows.
public final class ToyGemm implements GemmProvider, MatrixProduct {

    @Override
    public String name() {
        return "toy";
    }

    @Override
    public MatrixProduct open() {
        return this;
    }

    @Override
    public String detail() {
        return "loops for a test";
    }

    @Override
    public RowPromise rows() {
        return RowPromise.SAME_BITS;
    }

    @Override
    public Weight newWeight() {
        return new Rows();
    }

    @Override
    public Worker newWorker() {
        return new Loops();
    }

    private static final class Rows implements Weight {

        private float[][] rows = new float[0][];

        @Override
        public long bytes() {
            return rows.length == 0 ? 0 : 4L * rows.length * rows[0].length;
        }

        @Override
        public void close() {
            rows = new float[0][];
        }
    }

    private static final class Loops implements Worker {

        @Override
        public void pack(WeightSource source, Weight target) {
            float[][] rows = new float[source.rows()][source.columns()];
            for (int row = 0; row < rows.length; row++) {
                Matrix one = source.rows(row, row + 1);
                System.arraycopy(one.values(), one.offset(), rows[row], 0, one.columns());
            }
            ((Rows) target).rows = rows;
        }

        @Override
        public void multiply(Matrix a, PackedWeight.Slice w, Update update, Matrix c) {
            float[][] rows = ((Rows) w.content()).rows;
            for (int row = 0; row < a.rows(); row++) {
                for (int column = 0; column < w.rows(); column++) {
                    float sum = 0;
                    for (int i = 0; i < w.columns(); i++) {
                        float weight = rows[w.fromRow() + column][w.fromColumn() + i];
                        sum = Math.fma(a.values()[a.at(row) + i], weight, sum);
                    }
                    int at = c.at(row) + column;
                    c.values()[at] = update == Update.SET ? sum : c.values()[at] + sum;
                }
            }
        }

        @Override
        public void close() {
            // Nothing is held.
        }
    }
}
