package io.github.steelyard.matrix;

import io.github.steelyard.kernel.Kernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Packs weights outside the heap: each panel is put together on the heap, then taken elsewhere. For one thread.
public final class StagedPanel {

    private float[] panel = new float[0];

    /// Takes a panel that is put together.
    @FunctionalInterface
    public interface Taker {

        /// Takes a panel.
        ///
        /// @param panel from its beginning
        /// @param start as of [Panels.Target#done]
        void take(float[] panel, long start, int length);
    }

    /// Packs a weight in some layout.
    public void pack(Panels layout, WeightSource source, NativePanels target, Kernels kernels) {
        target.reset(layout.size(source.rows(), source.columns()), source.columns());
        Taker copy = (values, start, length) ->
                MemorySegment.copy(values, 0, target.values(), ValueLayout.JAVA_FLOAT, Float.BYTES * start, length);
        pack(layout, source, copy, kernels);
    }

    /// Packs a weight in some layout, panel by panel.
    public void pack(Panels layout, WeightSource source, Taker taker, Kernels kernels) {
        Panels.Target target = new Panels.Target() {
            @Override
            public float[] array(long start, int length) {
                panel = Workspace.grown(panel, length);
                return panel;
            }

            @Override
            public int at(long start) {
                return 0;
            }

            @Override
            public void done(long start, int length) {
                taker.take(panel, start, length);
            }
        };
        layout.pack(source, target, kernels);
    }
}
