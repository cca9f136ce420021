package io.github.steelyard.plan;

import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.quant.BlockSizes;
import io.github.steelyard.quant.NumBits;
import io.github.steelyard.quant.QuantizerConfig;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/// What people call the format that a quantizer's attributes stand for, also where it is not written here.
final class AttributeName {

    private AttributeName() {}

    /// Returns the name of quantizers in sequence: `INT4, then FP8`.
    static String of(List<QuantizerConfig> stages) {
        return stages.stream().map(AttributeName::of).collect(Collectors.joining(", then "));
    }

    static String of(QuantizerConfig config) {
        Optional<BlockSizes> blocks = config.blockSizes();
        boolean powers = blocks.flatMap(BlockSizes::scaleBits)
                .filter(NumBits.E8M0::equals)
                .isPresent();
        return switch (config.numBits()) {
            case NumBits.Whole whole ->
                powers ? "MXINT" + whole.bits() : "INT" + whole.bits() + (blocks.isPresent() ? " in blocks" : "");
            case NumBits.Floating code -> {
                int bits = 1 + code.exponent() + code.mantissa();
                if (powers) {
                    yield "MXFP" + bits;
                }
                yield code.equals(NumBits.E2M1)
                        ? nvfp4(blocks)
                        : code.toString().toUpperCase(Locale.ROOT);
            }
        };
    }

    private static String nvfp4(Optional<BlockSizes> blocks) {
        if (blocks.isEmpty()) {
            return "E2M1";
        }
        int size = Optional.ofNullable(blocks.get().sizes().get(-1))
                .orElse(OptionalInt.empty())
                .orElse(0);
        return blocks.get().fourOverSix()
                ? "NVFP4 four over six"
                : "NVFP4" + (size == Nvfp4.BLOCK ? "" : String.format(Locale.ROOT, " in blocks of %d", size));
    }
}
