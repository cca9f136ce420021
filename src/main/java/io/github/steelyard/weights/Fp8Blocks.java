package io.github.steelyard.weights;

import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.Fp8Weight;
import java.util.Locale;

/// Rows and columns of a block of FP8 codes: what the config declares, 128 x 128 where it says nothing. The tensors
/// cannot tell them, since the last blocks may be partial.
///
/// @param rows rows that share a scale
/// @param columns columns that share a scale
public record Fp8Blocks(int rows, int columns) {

    private static final Fp8Blocks USUAL = new Fp8Blocks(Fp8Weight.BLOCK, Fp8Weight.BLOCK);

    /// Returns the blocks of a module, or of a tensor that holds those of many.
    public static Fp8Blocks of(QuantizationConfig config, String module) {
        return config.declarationOf(module)
                .filter(declared -> declared.format() == Format.FP8_BLOCK && declared.blockRows() > 0)
                .map(declared -> new Fp8Blocks(declared.blockRows(), declared.blockColumns()))
                .orElse(USUAL);
    }

    /// Returns whether these are the blocks that are written, and that servers have kernels for.
    public boolean areUsual() {
        return equals(USUAL);
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "blocks of [%d, %d]", rows, columns);
    }
}
