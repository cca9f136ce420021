package io.github.steelyard.format;

import io.github.steelyard.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Locale;
import java.util.Optional;

/// Encodes rows of a weight, codes and scales together. An export writes them, and fake quantization decodes them
/// again: what is evaluated are the bytes that a server loads.
///
/// Rows are encoded independently of each other, in [Format#FP8_BLOCK] each 128 of them, so that a weight can be
/// encoded in pieces.
///
/// @param format one that is [Format#isWritten]
/// @param block elements of a row that share a scale: those of the format, or as the recipe says where it is open
///     ([Format#hasOpenBlock])
/// @param arithmetic whose order of roundings, and so whose bytes
/// @param scale the scale of the whole tensor as it is stored, see [Arithmetic#isReciprocal]; read by the formats that
///     have one
/// @param parts what chooses the scales of parts; empty: the largest magnitude of each, which is the only choice in
///     most formats
public record WeightEncoder(Format format, int block, Arithmetic arithmetic, float scale, Optional<PartScales> parts) {

    /// @throws IllegalArgumentException if there is something to choose in a format that leaves no choice, or the block
    ///     is none of the format
    public WeightEncoder {
        boolean chosen = switch (format) {
            case NVFP4, FP8_PER_CHANNEL, FP8_BLOCK, INT4, INT8_PER_CHANNEL -> true;
            case PLAIN,
                    FP8,
                    FP8_DYNAMIC_TOKEN,
                    FP8_DYNAMIC_GROUP,
                    NVFP4_32,
                    MXFP4,
                    MXFP8,
                    INT4_FP8,
                    INT8,
                    INT8_DYNAMIC_TOKEN,
                    INT8_GROUPS -> false;
        };
        if (parts.isPresent() && !chosen) {
            throw new IllegalArgumentException("%s has no scales to choose".formatted(format));
        }
        if (format.hasOpenBlock() ? block < 1 : block != format.block()) {
            throw new IllegalArgumentException(String.format(Locale.ROOT, "%s in blocks of %d", format, block));
        }
    }

    /// An encoder of a format that says itself which elements share a scale.
    public WeightEncoder(Format format, Arithmetic arithmetic, float scale, Optional<PartScales> parts) {
        this(format, format.block(), arithmetic, scale, parts);
    }

    /// Encodes as ModelOpt does.
    public WeightEncoder(Format format, float scale, Optional<PartScales> parts) {
        this(format, Arithmetic.MODELOPT, scale, parts);
    }

    /// Codes and the scales of blocks or rows, little-endian; no scales where the tensor has one.
    ///
    /// @param codes `(rows, columns)`, two to a byte in the 4-bit formats
    /// @param scales as the format's [StoredWeight] has them, float32 for FP8 and ModelOpt's integers
    @SuppressWarnings("ArrayRecordComponent") // never compared
    public record Encoded(byte[] codes, byte[] scales) {}

    /// Returns the encoder of a weight with this amax: for NVFP4 and FP8 the one that it shares with others.
    ///
    /// @param amax finite and not negative, 0 for a weight of zeros; not read by formats without a scale of the tensor
    public static WeightEncoder ofAmax(Format format, float amax) {
        return ofAmax(format, Arithmetic.MODELOPT, amax);
    }

    /// Returns the encoder of a weight with this amax in one of the two orders of rounding.
    public static WeightEncoder ofAmax(Format format, Arithmetic arithmetic, float amax) {
        return new WeightEncoder(format, arithmetic, arithmetic.tensorScale(format, amax), Optional.empty());
    }

    /// Encodes dense rows.
    ///
    /// @param values `(rows, columns)` from `offset` on, finite
    /// @throws IllegalArgumentException if `columns` is no multiple of the format's block, a value is not finite where
    ///     a scale depends on it, or the format is none of weights
    public Encoded encode(float[] values, int offset, int rows, int columns) {
        Encoded encoded = parts.isPresent()
                ? encodeUnder(parts.get().of(values, offset, rows, columns), values, offset, rows, columns)
                : encodeByLargest(values, offset, rows, columns);
        if (arithmetic == Arithmetic.COMPRESSED_TENSORS && format.coding() == Format.Coding.FP8) {
            Fp8.dropSignsOfZeros(values, offset, encoded.codes);
        }
        return encoded;
    }

    private Encoded encodeUnder(byte[] scales, float[] values, int offset, int rows, int columns) {
        return format.coding() == Format.Coding.INTEGERS
                ? integers(floats(scales), values, offset, rows, columns)
                : new Encoded(codes(values, offset, rows, columns, scales), scales);
    }

    private byte[] ofSixteen(byte[] scales) {
        return format == Format.NVFP4_32 ? Nvfp4.twice(scales) : scales;
    }

    private static float[] floats(byte[] scales) {
        float[] floats = new float[scales.length / Float.BYTES];
        ByteBuffer.wrap(scales).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats);
        return floats;
    }

    /// Returns codes and scales, each scale that of the largest magnitude under it.
    private Encoded encodeByLargest(float[] values, int offset, int rows, int columns) {
        int count = Math.multiplyExact(rows, columns);
        return switch (format) {
            case FP8 -> {
                byte[] codes = new byte[count];
                Fp8.encode(values, offset, count, scale, codes, 0);
                yield new Encoded(codes, new byte[0]);
            }
            case FP8_PER_CHANNEL -> {
                byte[] codes = new byte[count];
                float[] scales = new float[rows];
                Fp8.encodeChannels(values, offset, rows, columns, codes, 0, scales, 0);
                yield new Encoded(codes, bytes(scales));
            }
            case FP8_BLOCK -> {
                byte[] codes = new byte[count];
                float[] scales = new float[blocks(rows) * blocks(columns)];
                Fp8.encodeBlocks(values, offset, rows, columns, codes, 0, scales, 0);
                yield new Encoded(codes, bytes(scales));
            }
            case NVFP4 -> {
                byte[] codes = new byte[count / 2];
                byte[] scales = new byte[count / Nvfp4.BLOCK];
                switch (arithmetic) {
                    case MODELOPT -> Nvfp4.encodeRows(values, offset, rows, columns, scale, codes, 0, scales, 0);
                    case COMPRESSED_TENSORS ->
                        ReciprocalNvfp4.encodeRows(values, offset, rows, columns, scale, codes, scales);
                }
                yield new Encoded(codes, scales);
            }
            case NVFP4_32 -> {
                byte[] scales = Nvfp4.blockScales(values, offset, rows, columns, format.block(), scale);
                yield new Encoded(codes(values, offset, rows, columns, scales), scales);
            }
            case MXFP4 -> {
                byte[] codes = new byte[count / 2];
                byte[] scales = new byte[count / Mx.BLOCK];
                switch (arithmetic) {
                    case MODELOPT ->
                        Mx.encodeFp4Rows(
                                values, offset, rows, columns, Mx.Fp4Rounding.NEAREST_EVEN, codes, 0, scales, 0);
                    case COMPRESSED_TENSORS -> NearMx.encodeFp4Rows(values, offset, rows, columns, codes, scales);
                }
                yield new Encoded(codes, scales);
            }
            case MXFP8 -> {
                byte[] codes = new byte[count];
                byte[] scales = new byte[count / Mx.BLOCK];
                switch (arithmetic) {
                    case MODELOPT -> Mx.encodeFp8Rows(values, offset, rows, columns, codes, 0, scales, 0);
                    case COMPRESSED_TENSORS -> NearMx.encodeFp8Rows(values, offset, rows, columns, codes, scales);
                }
                yield new Encoded(codes, scales);
            }
            case INT8 -> {
                byte[] codes = new byte[count];
                for (int i = 0; i < count; i++) {
                    codes[i] = (byte) Ints.code(format.bits(), values[offset + i] / scale);
                }
                yield new Encoded(codes, new byte[0]);
            }
            case INT4, INT4_FP8, INT8_PER_CHANNEL -> {
                float[] scales = Ints.scales(arithmetic, format.bits(), group(columns), values, offset, rows, columns);
                yield integers(scales, values, offset, rows, columns);
            }
            case PLAIN, FP8_DYNAMIC_TOKEN, FP8_DYNAMIC_GROUP, INT8_DYNAMIC_TOKEN, INT8_GROUPS -> throw noWeight();
        };
    }

    /// Returns how many columns share a scale, all of them where a row does.
    private int group(int columns) {
        return block == 0 ? Math.max(1, columns) : block;
    }

    private Encoded integers(float[] scales, float[] values, int offset, int rows, int columns) {
        byte[] codes = Ints.codes(arithmetic, format.bits(), group(columns), scales, values, offset, rows, columns);
        return new Encoded(
                format.bits() == Byte.SIZE ? codes : Ints.packed(arithmetic, codes, rows, columns),
                Ints.stored(arithmetic, scales));
    }

    /// Returns the codes under scales that were chosen.
    private byte[] codes(float[] values, int offset, int rows, int columns, byte[] scales) {
        if (format.coding() == Format.Coding.NVFP4) {
            byte[] codes = new byte[rows * columns / 2];
            switch (arithmetic) {
                case MODELOPT ->
                    Nvfp4.encodeCodes(values, offset, rows, columns, scale, codes, 0, ofSixteen(scales), 0);
                case COMPRESSED_TENSORS ->
                    ReciprocalNvfp4.encodeCodes(values, offset, rows, columns, scale, codes, scales);
            }
            return codes;
        }
        byte[] codes = new byte[rows * columns];
        float[] floats = floats(scales);
        int width = format == Format.FP8_BLOCK ? Fp8.BLOCK : columns;
        int height = format == Format.FP8_BLOCK ? Fp8.BLOCK : 1;
        for (int row = 0; row < rows; row++) {
            for (int left = 0; left < columns; left += width) {
                float one = floats[row / height * Math.ceilDiv(columns, width) + left / width];
                int at = row * columns + left;
                Fp8.encode(values, offset + at, Math.min(width, columns - left), one, codes, at);
            }
        }
        return codes;
    }

    /// Returns encoded rows as the weight that a reader of the export sees.
    public StoredWeight stored(Encoded encoded, int rows, int columns) {
        MemorySegment codes = MemorySegment.ofArray(encoded.codes);
        MemorySegment scales = MemorySegment.ofArray(encoded.scales);
        return switch (format) {
            case FP8 -> Fp8Weight.perTensor(codes, DType.F8_E4M3, rows, columns, scale);
            case FP8_PER_CHANNEL ->
                Fp8Weight.perChannel(codes, DType.F8_E4M3, rows, columns, new PlainWeight(scales, DType.F32, rows, 1));
            case FP8_BLOCK ->
                Fp8Weight.blocks(
                        codes,
                        DType.F8_E4M3,
                        rows,
                        columns,
                        new PlainWeight(scales, DType.F32, blocks(rows), blocks(columns)));
            case NVFP4_32 -> Nvfp4Weight.ofBlocks32(codes, scales, rows, columns, scale);
            case NVFP4 ->
                arithmetic.isReciprocal(format)
                        ? Nvfp4Weight.ofReciprocal(codes, scales, rows, columns, scale)
                        : new Nvfp4Weight(codes, scales, rows, columns, scale);
            case MXFP4 -> MxWeight.mxfp4(codes, scales, rows, columns);
            case MXFP8 -> MxWeight.mxfp8(codes, scales, rows, columns);
            case INT4, INT4_FP8 -> {
                PlainWeight groups =
                        new PlainWeight(scales, Ints.scaleType(arithmetic), rows, Math.ceilDiv(columns, block));
                StoredWeight integers = switch (arithmetic) {
                    case MODELOPT -> new PairedIntWeight(codes, rows, columns, block, groups);
                    case COMPRESSED_TENSORS ->
                        new IntWeight(codes, format.bits(), rows, columns, block, groups, Optional.empty());
                };
                yield format == Format.INT4 ? integers : new Fp8Rounded(integers, scale);
            }
            case INT8 -> ByteIntWeight.perTensor(codes, rows, columns, scale);
            case INT8_PER_CHANNEL ->
                new ByteIntWeight(codes, rows, columns, new PlainWeight(scales, Ints.scaleType(arithmetic), rows, 1));
            case PLAIN, FP8_DYNAMIC_TOKEN, FP8_DYNAMIC_GROUP, INT8_DYNAMIC_TOKEN, INT8_GROUPS -> throw noWeight();
        };
    }

    private static int blocks(int extent) {
        return Math.ceilDiv(extent, Fp8.BLOCK);
    }

    private static byte[] bytes(float[] scales) {
        ByteBuffer bytes = ByteBuffer.allocate(scales.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (float one : scales) {
            bytes.putFloat(one);
        }
        return bytes.array();
    }

    private IllegalArgumentException noWeight() {
        return new IllegalArgumentException("no weight is written as %s".formatted(format));
    }
}
