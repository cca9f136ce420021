package io.github.steelyard.matrix;

import io.github.steelyard.kernel.Kernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Packs weights outside the heap: each panel is put together on the heap, then copied. For one thread.
public final class StagedPanel {

    private float[] panel = new float[0];

    /// Packs a weight in some layout.
    public void pack(Panels layout, WeightSource source, NativePanels target, Kernels kernels) {
        target.reset(layout.size(source.rows(), source.columns()), source.columns());
        Panels.Target copied = new Panels.Target() {
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
                MemorySegment.copy(panel, 0, target.values(), ValueLayout.JAVA_FLOAT, Float.BYTES * start, length);
            }
        };
        layout.pack(source, copied, kernels);
    }

    /// Returns the bytes held.
    public long bytes() {
        return 4L * panel.length;
    }
}
