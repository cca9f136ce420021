package io.github.steelyard.onednn;

import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.matrix.Panels;
import io.github.steelyard.matrix.StagedPanel;
import io.github.steelyard.matrix.StoredSource;

/// Packs stored weights as bf16, where they are. For one thread.
final class Bf16Packer {

    private static final Panels PANELS = new Panels(Bf16Split.WIDTH, Bf16Split.STEP);

    private final Bf16Split split;
    private final Kernels kernels;
    private final StagedPanel panel = new StagedPanel();
    private int[] pairs = new int[0];

    Bf16Packer(Bf16Split split, Kernels kernels) {
        this.split = split;
        this.kernels = kernels;
    }

    /// Packs the weights of a source.
    ///
    /// @return why they are none of bf16 values with scales outside: `target` is then of no use, and some rows of the
    ///     source may have been read. Empty if they are packed
    String pack(StoredSource source, Bf16Panels target) {
        Bf16Packing packing = Bf16Packing.of(source.stored());
        if (!packing.declined().isEmpty()) {
            return packing.declined();
        }
        // Whoever watches the weights sees their values: only where these are the codes can both be read at once.
        boolean asStored = packing.codes().equals(source.stored());
        StoredSource codes = asStored ? source : source.unwatched(packing.codes());
        target.reset(codes.rows(), codes.columns(), packing.block(), packing.scales());
        try {
            panel.pack(
                    PANELS, codes, (values, start, length) -> narrow(values, start, codes.columns(), target), kernels);
            return "";
        } catch (NotBf16Exception e) {
            return packing.formats() + ", " + e.getMessage();
        }
    }

    /// Narrows a panel of float32 values, block by block.
    private void narrow(float[] values, long start, int columns, Bf16Panels target) {
        int row = (int) (start / PANELS.depth(columns));
        for (int k = 0; k < columns; k += target.block()) {
            int index = k / target.block();
            int depth = target.depth(index);
            if (pairs.length < depth / 2 * Bf16Split.WIDTH) {
                pairs = new int[depth / 2 * Bf16Split.WIDTH];
            }
            int faults = split.narrow(values, k * Bf16Split.WIDTH, depth, pairs);
            if (faults != 0) {
                throw new NotBf16Exception(faults);
            }
            target.put(index, row, pairs);
        }
    }

    /// A value is not exactly a normal bf16 value or zero.
    private static final class NotBf16Exception extends RuntimeException {

        private static final long serialVersionUID = 1L;

        NotBf16Exception(int faults) {
            super(reason(faults), null, false, false);
        }

        private static String reason(int faults) {
            if ((faults & Bf16Split.NOT_FINITE) != 0) {
                return "infinities or NaN";
            }
            return (faults & Bf16Split.LONGER) != 0 ? "values of more bits than bf16" : "subnormal values";
        }
    }
}
