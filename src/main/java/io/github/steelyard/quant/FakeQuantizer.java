package io.github.steelyard.quant;

import io.github.steelyard.format.Amax;
import io.github.steelyard.format.Arithmetic;
import io.github.steelyard.format.E2m1;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.E8m0;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.Fp8;
import io.github.steelyard.format.Ints;
import io.github.steelyard.format.Mx;
import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.format.WeightEncoder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// Quantises and dequantises float rows in place: the values are afterwards those that a server sees which holds the
/// codes and the scales. Formulas: `docs/NUMERICS.md`.
///
/// Every row of activations is treated by itself (a block never spans rows), so results do not depend on batching. Only
/// [Format#FP8_BLOCK] looks at 128 rows together.
///
/// In an activation NaN gives NaN: in place under a static scale, in its whole block or row under a dynamic one.
/// Infinities are not looked for. A weight is encoded and decoded again by [WeightEncoder], which takes whole blocks of
/// finite values only.
///
/// Immutable; may be used from several threads.
public final class FakeQuantizer {

    /// A calibrated FP8 input amax up to this counts as 1: ModelOpt's rule.
    private static final float FP8_SMALLEST_AMAX = 0x1p-24f;

    /// Values of a weight that are codes at a time, about.
    private static final int PIECE = 1 << 18;

    private final Format format;
    private final Arithmetic arithmetic; // of scales that are found while computing
    private final float amax;
    private final Optional<WeightEncoder> weight; // empty for an activation
    private final List<FakeQuantizer> parts; // of equal stretches of a row; empty if the row is one
    private final Optional<ChannelFactors> factors; // that rows are multiplied by before
    private final boolean restores; // whether they are divided by them afterwards

    private FakeQuantizer(Format format, float amax, Optional<WeightEncoder> weight, List<FakeQuantizer> parts) {
        this(format, Arithmetic.MODELOPT, amax, weight, parts, Optional.empty(), false);
    }

    private FakeQuantizer(
            Format format,
            Arithmetic arithmetic,
            float amax,
            Optional<WeightEncoder> weight,
            List<FakeQuantizer> parts,
            Optional<ChannelFactors> factors,
            boolean restores) {
        boolean onlyFactors = format == Format.PLAIN && factors.isPresent();
        if (!onlyFactors && !format.isWritten() && !format.isOfActivations()) {
            throw new IllegalArgumentException("%s: no quantizer has this format".formatted(format));
        }
        if (format.hasTensorScale() && !(amax >= 0 && amax < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    "%s: amax must be finite and not negative, found %s".formatted(format, amax));
        }
        this.format = format;
        this.arithmetic = arithmetic;
        this.amax = amax;
        this.weight = weight;
        this.parts = parts;
        this.factors = factors;
        this.restores = restores;
    }

    /// Returns what multiplies rows by factors and does nothing else.
    public static FakeQuantizer ofFactors(ChannelFactors channels) {
        return new FakeQuantizer(
                Format.PLAIN, Arithmetic.MODELOPT, 0, Optional.empty(), List.of(), Optional.of(channels), false);
    }

    /// Returns this quantizer, for rows that are multiplied by factors before. They stay so afterwards: the other side
    /// of the product has the inverse.
    public FakeQuantizer after(ChannelFactors channels) {
        return new FakeQuantizer(format, arithmetic, amax, weight, parts, Optional.of(channels), false);
    }

    /// Returns this quantizer, for rows that are multiplied by factors before and divided by them afterwards: the other
    /// side of the product is as it is.
    public FakeQuantizer within(ChannelFactors channels) {
        return new FakeQuantizer(format, arithmetic, amax, weight, parts, Optional.of(channels), true);
    }

    /// Returns the factors that rows are multiplied by before; empty if there are none.
    Optional<ChannelFactors> factors() {
        return factors;
    }

    /// Returns the quantizer of an activation.
    ///
    /// @param amax the calibrated amax, finite and not negative; not read by formats that need none
    public static FakeQuantizer of(Format format, float amax) {
        return of(format, Arithmetic.MODELOPT, amax);
    }

    /// Returns the quantizer of an activation in a checkpoint of this arithmetic, which decides the E8M0 scales of MX.
    ///
    /// @param amax the calibrated amax, finite and not negative; not read by formats that need none
    public static FakeQuantizer of(Format format, Arithmetic arithmetic, float amax) {
        return new FakeQuantizer(format, arithmetic, amax, Optional.empty(), List.of(), Optional.empty(), false);
    }

    /// Returns the quantizer of an activation whose rows fall into equal stretches with an amax each: the heads of a
    /// cache. Its [#amax] is the largest.
    ///
    /// @param amax the calibrated amax of each stretch, finite and not negative
    public static FakeQuantizer ofParts(Format format, float[] amax) {
        List<FakeQuantizer> parts = new ArrayList<>();
        float largest = 0;
        for (float one : amax) {
            parts.add(of(format, one));
            largest = Math.max(largest, one);
        }
        return new FakeQuantizer(format, largest, Optional.empty(), List.copyOf(parts));
    }

    /// Returns the quantizer of a weight: what [WeightEncoder] writes, decoded again. Its values differ from those of
    /// an activation in NVFP4 alone, whose weight block scales are never below `2^-9`. A format of activations alone
    /// has no bytes: its scales are made as for one.
    ///
    /// @param amax the amax of the tensor (for NVFP4 the one shared by a fused group), finite and not negative
    public static FakeQuantizer ofWeight(Format format, float amax) {
        return new FakeQuantizer(
                format,
                amax,
                Optional.of(format).filter(Format::isWritten).map(stored -> WeightEncoder.ofAmax(stored, amax)),
                List.of());
    }

    /// Returns the quantizer of a weight that is written by `encoder`.
    ///
    /// @param amax the amax of the tensor, finite and not negative
    public static FakeQuantizer ofWeight(WeightEncoder encoder, float amax) {
        return new FakeQuantizer(encoder.format(), amax, Optional.of(encoder), List.of());
    }

    /// Returns the format.
    public Format format() {
        return format;
    }

    /// Returns the amax, in the tensor's units.
    public float amax() {
        return amax;
    }

    /// Quantises `rows` dense rows of `columns` values, from `offset` on, in place.
    ///
    /// A last block of a row of activations may be partial. For [Format#FP8_BLOCK] the first row must begin a
    /// block.
    ///
    /// @throws IllegalArgumentException if these are rows of a weight that [WeightEncoder] refuses
    public void apply(float[] x, int offset, int rows, int columns) {
        factors.ifPresent(channels -> channels.apply(x, offset, rows, columns));
        quantize(x, offset, rows, columns);
        if (restores) {
            factors.orElseThrow().inverse().apply(x, offset, rows, columns);
        }
    }

    private void quantize(float[] x, int offset, int rows, int columns) {
        if (!parts.isEmpty()) {
            applyParts(x, offset, rows, columns);
            return;
        }
        if (weight.isPresent()) {
            applyToWeight(weight.get(), x, offset, rows, columns);
            return;
        }
        switch (format) {
            case FP8 -> quantizeFp8(x, offset, rows * columns, inputScale(amax));
            case INT8 -> quantizeInt8(x, offset, rows * columns, Ints.scale(Byte.SIZE, amax));
            case INT8_PER_CHANNEL, INT8_DYNAMIC_TOKEN -> {
                for (int row = 0; row < rows; row++) {
                    int from = offset + row * columns;
                    quantizeInt8(x, from, columns, int8Scale(Amax.of(x, from, columns)));
                }
            }
            case FP8_PER_CHANNEL, FP8_DYNAMIC_TOKEN -> {
                for (int row = 0; row < rows; row++) {
                    int from = offset + row * columns;
                    quantizeFp8(x, from, columns, dynamicScale(Amax.of(x, from, columns)));
                }
            }
            case FP8_BLOCK -> quantizeFp8Blocks(x, offset, rows, columns);
            case FP8_DYNAMIC_GROUP -> forEachBlock(x, offset, rows, columns, Fp8.BLOCK);
            case NVFP4, NVFP4_32, MXFP4, MXFP8 -> forEachBlock(x, offset, rows, columns, format.block());
            case PLAIN -> {}
            case INT4, INT4_FP8, INT8_GROUPS -> throw new AssertionError(format);
        }
    }

    private static void applyToWeight(WeightEncoder encoder, float[] x, int offset, int rows, int columns) {
        int step = Fp8.BLOCK * Math.max(1, PIECE / Fp8.BLOCK / Math.max(1, columns));
        for (int row = 0; row < rows; row += step) {
            int count = Math.min(step, rows - row);
            int from = offset + row * columns;
            encoder.stored(encoder.encode(x, from, count, columns), count, columns)
                    .decodeRows(0, count, x, from);
        }
    }

    private void applyParts(float[] x, int offset, int rows, int columns) {
        if (columns % parts.size() != 0) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "%d scales for rows of %d columns", parts.size(), columns));
        }
        int width = columns / parts.size();
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < parts.size(); i++) {
                parts.get(i).apply(x, offset + row * columns + i * width, 1, width);
            }
        }
    }

    private void forEachBlock(float[] x, int offset, int rows, int columns, int block) {
        float globalScale = amax / Nvfp4.RANGE;
        for (int row = 0; row < rows; row++) {
            int end = offset + (row + 1) * columns;
            for (int from = offset + row * columns; from < end; from += block) {
                int length = Math.min(block, end - from);
                float blockAmax = Amax.of(x, from, length);
                switch (format.coding()) {
                    case NVFP4 -> quantizeFp4(x, from, length, nvfp4Scale(blockAmax, globalScale));
                    case MXFP4 ->
                        quantizeFp4(x, from, length, E8m0.decode(Mx.scaleCode(arithmetic, blockAmax, E2m1.MAX)));
                    case MXFP8 ->
                        quantizeFp8(x, from, length, E8m0.decode(Mx.scaleCode(arithmetic, blockAmax, E4m3.MAX)));
                    case FP8 -> quantizeFp8(x, from, length, dynamicScale(blockAmax));
                    case PLAIN, INTEGERS -> throw new AssertionError(format);
                }
            }
        }
    }

    private float nvfp4Scale(float blockAmax, float globalScale) {
        if (Float.isNaN(blockAmax)) {
            return Float.NaN;
        }
        // An amax of zero makes the quotient infinite or NaN; the scale is zero then, and so is the result.
        return globalScale == 0
                ? 0
                : E4m3.round(Math.min(blockAmax / (E2m1.MAX * globalScale), E4m3.MAX)) * globalScale;
    }

    private static void quantizeFp8Blocks(float[] x, int offset, int rows, int columns) {
        for (int top = 0; top < rows; top += Fp8.BLOCK) {
            int height = Math.min(Fp8.BLOCK, rows - top);
            for (int left = 0; left < columns; left += Fp8.BLOCK) {
                int width = Math.min(Fp8.BLOCK, columns - left);
                int first = offset + top * columns + left;
                float blockAmax = 0;
                for (int row = 0; row < height; row++) {
                    blockAmax = Math.max(blockAmax, Amax.of(x, first + row * columns, width));
                }
                for (int row = 0; row < height; row++) {
                    quantizeFp8(x, first + row * columns, width, dynamicScale(blockAmax));
                }
            }
        }
    }

    private static float inputScale(float amax) {
        return (amax <= FP8_SMALLEST_AMAX ? 1 : amax) / E4m3.MAX;
    }

    private static float dynamicScale(float amax) {
        float scale = amax / E4m3.MAX;
        return scale == 0 ? 1 : scale;
    }

    private static float int8Scale(float amax) {
        return Float.isNaN(amax) ? amax : Ints.scale(Byte.SIZE, amax);
    }

    private static void quantizeInt8(float[] x, int offset, int length, float scale) {
        for (int i = offset; i < offset + length; i++) {
            x[i] = Ints.code(Byte.SIZE, x[i] / scale) * scale;
        }
    }

    private static void quantizeFp8(float[] x, int offset, int length, float scale) {
        for (int i = offset; i < offset + length; i++) {
            x[i] = E4m3.round(x[i] / scale) * scale;
        }
    }

    private static void quantizeFp4(float[] x, int offset, int length, float scale) {
        if (scale == 0) {
            Arrays.fill(x, offset, offset + length, 0);
            return;
        }
        for (int i = offset; i < offset + length; i++) {
            x[i] = E2m1.round(x[i] / scale) * scale;
        }
    }
}
