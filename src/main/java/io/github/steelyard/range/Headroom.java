package io.github.steelyard.range;

import io.github.steelyard.statistics.BlockHistogram;

/// An amax for NVFP4 inputs that leaves room above what was seen: block scales are E4M3 below a global scale of
/// `amax / 2688`, with more room above the blocks than is used as long as small blocks keep their precision. ModelOpt's
/// `nvfp4_act_headroom`:
///
/// - `P(p)`: the middle, in logarithms, of the first bin of the [BlockHistogram] up to which `p` percent of the blocks
/// lie
/// - `upper = P(upperPercentile)`; at 100 the largest magnitude itself
/// - `anchor = P(anchorPercentile)` of the blocks from the bin of `upper / 10^6` on
/// - amax: `rho · anchor` if that is more than `upper`, else `upper`
///
/// Blocks are counted in whole numbers; ModelOpt adds their counts up in float32, which is the same below `2^24`
/// blocks.
/// Source: MODELOPT (see `docs/SOURCES.md`).
///
/// @param anchorPercentile percentile of the block amaxes that `rho` multiplies, in (0, 100]
/// @param upperPercentile percentile that is covered in any case, in (0, 100]
/// @param rho how far above the anchor the amax lies
public record Headroom(double anchorPercentile, double upperPercentile, double rho) {

    private static final double SPAN = 1e6;

    /// Returns the amax, in the units of the tensor; the largest magnitude where there is no block.
    ///
    /// @param largest the largest magnitude seen, positive
    public float amax(BlockHistogram blocks, float largest) {
        double upper = upper(blocks, largest);
        double anchor = anchor(blocks, upper);
        return upper > 0 && anchor > 0 ? (float) Math.max(rho * anchor, upper) : largest;
    }

    /// Returns whether the amax lies above what is covered in any case. It does not where blocks differ by more than
    /// `rho`: small ones then lose their scale under any amax that covers the others.
    ///
    /// @param largest the largest magnitude seen, positive
    public boolean leavesRoom(BlockHistogram blocks, float largest) {
        double upper = upper(blocks, largest);
        return rho * anchor(blocks, upper) > upper;
    }

    private double upper(BlockHistogram blocks, float largest) {
        return upperPercentile == Percentile.ALL ? largest : magnitude(blocks.bins(), upperPercentile);
    }

    private double anchor(BlockHistogram blocks, double upper) {
        if (!(upper > 0)) {
            return 0;
        }
        long[] counts = blocks.bins();
        for (int k = 0; k < BlockHistogram.bin(upper / SPAN); k++) {
            counts[k] = 0;
        }
        return magnitude(counts, anchorPercentile);
    }

    /// Returns 0 if there is no block.
    private static double magnitude(long[] counts, double percentile) {
        int bin = Percentile.bin(counts, percentile);
        return bin < 0 ? 0 : StrictMath.pow(2, BlockHistogram.LEAST + (bin + 0.5) * BlockHistogram.WIDTH);
    }
}
