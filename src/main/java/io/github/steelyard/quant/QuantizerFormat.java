package io.github.steelyard.quant;

import io.github.steelyard.format.Format;
import io.github.steelyard.format.Fp8;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;

/// Which formats the attributes of quantizers stand for, and which attributes a format has.
final class QuantizerFormat {

    private static final Map<Integer, OptionalInt> TILES = Map.of(-1, OptionalInt.of(128), -2, OptionalInt.of(128));

    private static final Map<Integer, OptionalInt> WHOLE_LAST_AXIS = Map.of(-1, OptionalInt.empty());

    private QuantizerFormat() {}

    /// Returns the format that Steelyard writes for these attributes; empty if it can write none.
    static Optional<Format> of(QuantizerConfig config) {
        if (!config.unsupported().isEmpty()) {
            return Optional.empty();
        }
        Optional<Format> first = config.blockSizes().isPresent()
                ? inBlocks(config, config.blockSizes().get())
                : plain(config);
        return config.then().isEmpty()
                ? first
                : sequence(first, config.then().get().format());
    }

    private static Optional<Format> sequence(Optional<Format> first, Optional<Format> second) {
        boolean known = first.equals(Optional.of(Format.INT4)) && second.equals(Optional.of(Format.FP8));
        return known ? Optional.of(Format.INT4_FP8) : Optional.empty();
    }

    private static Optional<Format> plain(QuantizerConfig config) {
        boolean rows = config.axis().equals(List.of(0));
        if (config.dynamic() || !(rows || config.axis().isEmpty())) {
            return Optional.empty();
        }
        if (config.numBits().equals(NumBits.E4M3)) {
            return Optional.of(rows ? Format.FP8_PER_CHANNEL : Format.FP8);
        }
        return config.numBits().equals(NumBits.INT8)
                ? Optional.of(rows ? Format.INT8_PER_CHANNEL : Format.INT8)
                : Optional.empty();
    }

    private static Optional<Format> inBlocks(QuantizerConfig config, BlockSizes blocks) {
        NumBits numBits = config.numBits();
        boolean dynamic = config.dynamic();
        if (blocks.fourOverSix() && (blocks.dynamic() || !numBits.equals(NumBits.E2M1))) {
            return Optional.empty();
        }
        if (numBits.equals(NumBits.E2M1) && !dynamic && isScaled(blocks, NumBits.E4M3)) {
            return blocks.isLastAxis(16)
                    ? Optional.of(Format.NVFP4)
                    : Optional.of(Format.NVFP4_32).filter(larger -> blocks.isLastAxis(32) && blocks.dynamic());
        }
        if (blocks.isLastAxis(32) && blocks.dynamic() && isScaled(blocks, NumBits.E8M0)) {
            return numBits.equals(NumBits.E2M1)
                    ? Optional.of(Format.MXFP4)
                    : numBits.equals(NumBits.E4M3) ? Optional.of(Format.MXFP8) : Optional.empty();
        }
        if (blocks.scaleBits().isPresent()) {
            return Optional.empty();
        }
        boolean perToken = blocks.sizes().equals(WHOLE_LAST_AXIS) && (dynamic || blocks.dynamic());
        if (numBits instanceof NumBits.Whole) {
            return integers(config, blocks, perToken);
        }
        if (!numBits.equals(NumBits.E4M3)) {
            return Optional.empty();
        }
        if (!dynamic && !blocks.dynamic() && blocks.sizes().equals(TILES)) {
            return Optional.of(Format.FP8_BLOCK);
        }
        if (blocks.isLastAxis(Fp8.BLOCK) && blocks.dynamic() && !dynamic) {
            return Optional.of(Format.FP8_DYNAMIC_GROUP);
        }
        return perToken ? Optional.of(Format.FP8_DYNAMIC_TOKEN) : Optional.empty();
    }

    private static Optional<Format> integers(QuantizerConfig config, BlockSizes blocks, boolean perToken) {
        NumBits numBits = config.numBits();
        if (numBits.equals(NumBits.INT8)) {
            return perToken ? Optional.of(Format.INT8_DYNAMIC_TOKEN) : Optional.empty();
        }
        boolean groups =
                !config.dynamic() && !blocks.dynamic() && blocks.ofLastAxis().isPresent();
        return numBits.equals(NumBits.INT4) && groups ? Optional.of(Format.INT4) : Optional.empty();
    }

    private static boolean isScaled(BlockSizes blocks, NumBits scale) {
        return blocks.scaleBits().equals(Optional.of(scale));
    }

    /// Returns attributes that stand for a format, with a measured amax; empty for formats that no quantizer has here.
    static Optional<QuantizerConfig> attributes(Format format) {
        return switch (format) {
            case FP8 -> Optional.of(QuantizerConfig.perTensor(NumBits.E4M3));
            case INT8 -> Optional.of(QuantizerConfig.perTensor(NumBits.INT8));
            case FP8_PER_CHANNEL -> Optional.of(perRow(NumBits.E4M3));
            case INT8_PER_CHANNEL -> Optional.of(perRow(NumBits.INT8));
            case FP8_BLOCK ->
                Optional.of(QuantizerConfig.blocks(
                        NumBits.E4M3, new BlockSizes(new TreeMap<>(TILES), false, Optional.empty(), false)));
            case FP8_DYNAMIC_TOKEN -> Optional.of(perToken(NumBits.E4M3));
            case INT8_DYNAMIC_TOKEN -> Optional.of(perToken(NumBits.INT8));
            case NVFP4 ->
                Optional.of(QuantizerConfig.blocks(NumBits.E2M1, BlockSizes.lastAxis(16, true, NumBits.E4M3)));
            case MXFP4 ->
                Optional.of(QuantizerConfig.blocks(NumBits.E2M1, BlockSizes.lastAxis(32, true, NumBits.E8M0)));
            case MXFP8 ->
                Optional.of(QuantizerConfig.blocks(NumBits.E4M3, BlockSizes.lastAxis(32, true, NumBits.E8M0)));
            case NVFP4_32 ->
                Optional.of(QuantizerConfig.blocks(NumBits.E2M1, BlockSizes.lastAxis(32, true, NumBits.E4M3)));
            case PLAIN, FP8_DYNAMIC_GROUP, INT4, INT4_FP8, INT8_GROUPS -> Optional.empty();
        };
    }

    private static QuantizerConfig perRow(NumBits numBits) {
        return new QuantizerConfig(
                true, numBits, List.of(0), Optional.empty(), false, new AmaxSource.Measured(), new TreeMap<>());
    }

    private static QuantizerConfig perToken(NumBits numBits) {
        return new QuantizerConfig(
                true,
                numBits,
                List.of(),
                Optional.of(new BlockSizes(new TreeMap<>(WHOLE_LAST_AXIS), false, Optional.empty(), false)),
                true,
                new AmaxSource.Measured(),
                new TreeMap<>());
    }
}
