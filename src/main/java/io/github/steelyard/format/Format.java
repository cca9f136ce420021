package io.github.steelyard.format;

import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;

/// What the numbers of a weight, an activation or a cache are kept in: the code of an element, which elements share a
/// scale, and what the scale is. One vocabulary for what a recipe asks for, a config declares, a checkpoint stores and
/// an export writes; how tensors are called and which scales are reciprocals is `dialect`'s.
///
/// Formulas: `docs/NUMERICS.md`. Encoding: [WeightEncoder]. Decoding: the [StoredWeight] of the format.
public enum Format {
    /// Not quantised: BF16, F16 or F32 as it is.
    PLAIN(Coding.PLAIN, DType.BF16, 16, Granularity.NONE, 0, DType.F32),
    /// FP8 E4M3 codes, one scale `amax / 448` for the tensor.
    FP8(Coding.FP8, DType.F8_E4M3, 8, Granularity.TENSOR, 0, DType.F32),
    /// FP8 E4M3 codes, one scale per output feature (weights).
    FP8_PER_CHANNEL(Coding.FP8, DType.F8_E4M3, 8, Granularity.CHANNEL, 0, DType.F32),
    /// FP8 E4M3 codes, one scale per block of 128 rows and 128 columns (weights). Stored ones may have other blocks.
    FP8_BLOCK(Coding.FP8, DType.F8_E4M3, 8, Granularity.TILE, Fp8.BLOCK, DType.F32),
    /// FP8 E4M3 codes, one scale per token, computed at run time (activations).
    FP8_DYNAMIC_TOKEN(Coding.FP8, DType.F8_E4M3, 8, Granularity.TOKEN, 0, DType.F32),
    /// FP8 E4M3 codes, one scale per 128 elements of a token, computed at run time (activations of block weights).
    FP8_DYNAMIC_GROUP(Coding.FP8, DType.F8_E4M3, 8, Granularity.TOKEN_BLOCK, Fp8.BLOCK, DType.F32),
    /// E2M1 codes, an E4M3 scale per 16 elements and one float32 scale for the tensor.
    NVFP4(Coding.NVFP4, DType.U8, 4, Granularity.BLOCK, Nvfp4.BLOCK, DType.F8_E4M3),
    /// The same with an E4M3 scale per 32 elements.
    NVFP4_32(Coding.NVFP4, DType.U8, 4, Granularity.BLOCK, 2 * Nvfp4.BLOCK, DType.F8_E4M3),
    /// E2M1 codes, an E8M0 scale per 32 elements; nothing is calibrated.
    MXFP4(Coding.MXFP4, DType.U8, 4, Granularity.BLOCK, Mx.BLOCK, DType.U8),
    /// E4M3 codes, an E8M0 scale per 32 elements; nothing is calibrated.
    MXFP8(Coding.MXFP8, DType.F8_E4M3, 8, Granularity.BLOCK, Mx.BLOCK, DType.U8),
    /// Integers of four bits in groups of a row whose size the tensors, the config or the recipe tell (weights).
    INT4(Coding.INTEGERS, DType.I32, 4, Granularity.BLOCK, 0, DType.BF16),
    /// The same, whose values are rounded to FP8 once more, under one scale for the tensor (weights).
    INT4_FP8(Coding.INTEGERS, DType.I32, 4, Granularity.BLOCK, 0, DType.BF16),
    /// Integers of eight bits, one scale for the tensor.
    INT8(Coding.INTEGERS, DType.I8, 8, Granularity.TENSOR, 0, DType.F32),
    /// Integers of eight bits, one scale per output feature (weights).
    INT8_PER_CHANNEL(Coding.INTEGERS, DType.I8, 8, Granularity.CHANNEL, 0, DType.F32),
    /// Integers of eight bits, one scale per token, computed at run time (activations).
    INT8_DYNAMIC_TOKEN(Coding.INTEGERS, DType.I8, 8, Granularity.TOKEN, 0, DType.F32),
    /// Integers of eight bits in groups of a row whose size the tensors or the config tell (weights that are read).
    INT8_GROUPS(Coding.INTEGERS, DType.I32, 8, Granularity.BLOCK, 0, DType.BF16);

    /// What the codes are, whatever shares a scale.
    public enum Coding {
        PLAIN("plain"),
        FP8("FP8"),
        NVFP4("NVFP4"),
        MXFP4("MXFP4"),
        MXFP8("MXFP8"),
        INTEGERS("integers");

        private final String text;

        Coding(String text) {
            this.text = text;
        }

        /// Returns the name for people.
        public String text() {
            return text;
        }
    }

    /// Which elements share a scale.
    public enum Granularity {
        /// None: there is no scale.
        NONE,
        /// All of the tensor.
        TENSOR,
        /// Those of an output feature.
        CHANNEL,
        /// Those of a square of rows and columns.
        TILE,
        /// Consecutive ones of a row.
        BLOCK,
        /// Those of a token, the scale made at run time.
        TOKEN,
        /// Consecutive ones of a token, the scale made at run time.
        TOKEN_BLOCK
    }

    /// Integers are mostly published in groups of 32; a config that says another size is not asked here.
    private static final int USUAL_INTEGER_GROUP = 32;

    private final Coding coding;
    private final DType codeType;
    private final int bits;
    private final Granularity granularity;
    private final int block;
    private final DType scaleType;

    Format(Coding coding, DType codeType, int bits, Granularity granularity, int block, DType scaleType) {
        this.coding = coding;
        this.codeType = codeType;
        this.bits = bits;
        this.granularity = granularity;
        this.block = block;
        this.scaleType = scaleType;
    }

    /// Returns what the codes are.
    public Coding coding() {
        return coding;
    }

    /// Returns the size of one code in bits.
    public int bits() {
        return bits;
    }

    /// Returns which elements share a scale.
    public Granularity granularity() {
        return granularity;
    }

    /// Returns how many consecutive elements of a row share a scale, 0 where no number is a part of the format.
    public int block() {
        return granularity == Granularity.BLOCK ? block : 0;
    }

    /// Returns the side of the squares that share a scale, 0 where it is not squares that do.
    public int tile() {
        return granularity == Granularity.TILE ? block : 0;
    }

    /// Returns whether there is one float32 scale for the whole tensor: the only one, or the second level above scales
    /// that are FP8 themselves. It is what a calibrated amax decides, and what joined modules must agree on.
    public boolean hasTensorScale() {
        return granularity == Granularity.TENSOR || hasSecondLevel();
    }

    /// Returns the scale of a tensor with this amax, 1 for formats without one.
    ///
    /// @param amax finite and not negative, 0 for a tensor of zeros
    public float tensorScale(float amax) {
        return switch (coding) {
            case NVFP4 -> Nvfp4.globalScale(amax);
            case FP8 -> hasTensorScale() ? Fp8.scale(amax) : 1;
            case INTEGERS ->
                this == INT4_FP8
                        ? Fp8.scale(Ints.decodedAmax(bits, amax))
                        : hasTensorScale() ? Ints.scale(bits, amax) : 1;
            case PLAIN, MXFP4, MXFP8 -> 1;
        };
    }

    /// Returns whether the scale of the tensor stands beside block scales.
    public boolean hasSecondLevel() {
        return scaleType == DType.F8_E4M3 || this == INT4_FP8;
    }

    /// Returns whether there are scales other than that of the tensor.
    public boolean hasPartScales() {
        return granularity != Granularity.NONE && granularity != Granularity.TENSOR;
    }

    /// Returns whether the size of its blocks is no part of the format.
    public boolean hasOpenBlock() {
        return granularity == Granularity.BLOCK && block == 0;
    }

    /// Returns whether weights can be written in this format.
    public boolean isWritten() {
        return switch (granularity) {
            case TENSOR, CHANNEL, TILE -> true;
            case BLOCK -> this != INT8_GROUPS;
            case NONE, TOKEN, TOKEN_BLOCK -> false;
        };
    }

    /// Returns whether inputs and outputs can be quantised in this format.
    public boolean isOfActivations() {
        return switch (granularity) {
            case TENSOR, TOKEN, TOKEN_BLOCK -> true;
            case BLOCK -> coding != Coding.INTEGERS;
            case NONE, CHANNEL, TILE -> false;
        };
    }

    /// Returns whether `columns` input features can be cut into this format's blocks.
    public boolean fits(int columns) {
        return block() == 0 || columns % block() == 0;
    }

    /// Returns the dtype of the codes as they are stored.
    public DType codeType() {
        return codeType;
    }

    /// Returns the shape of the codes of a weight `(rows, columns)` in their dtype.
    public Shape codeShape(int rows, int columns) {
        return Shape.of(rows, Math.ceilDiv((long) columns * bits, codeType.bits()));
    }

    /// Returns the dtype of the scales, of the blocks' where there are two levels.
    public DType scaleType() {
        return scaleType;
    }

    /// Returns the shape of the scales of a weight `(rows, columns)`, of the blocks' where there are two levels.
    public Shape scaleShape(long rows, long columns) {
        return switch (granularity) {
            case NONE, TENSOR -> Shape.of();
            case CHANNEL, TOKEN -> Shape.of(rows);
            case TILE -> Shape.of(Math.ceilDiv(rows, block), Math.ceilDiv(columns, block));
            case BLOCK, TOKEN_BLOCK -> Shape.of(rows, Math.ceilDiv(columns, inARow()));
        };
    }

    /// Returns the shape of the scales where so many elements of a row share one.
    ///
    /// @param open that number where the format leaves it open ([#hasOpenBlock]); else not read
    public Shape scaleShape(int open, int rows, int columns) {
        return hasOpenBlock() ? Shape.of(rows, Math.ceilDiv(columns, open)) : scaleShape(rows, columns);
    }

    /// Returns the bytes of a weight `(rows, columns)` with all its scales.
    public long bytes(long rows, long columns) {
        long codes = rows * Math.ceilDiv(columns * bits, (long) Byte.SIZE);
        long second = hasSecondLevel() ? Float.BYTES : 0;
        long scales =
                granularity == Granularity.NONE ? 0 : scaleShape(rows, columns).elements();
        return codes + scales * (scaleType.bits() / Byte.SIZE) + second;
    }

    /// Returns the bits of one weight with its share of the block scales; scales of tensors, channels and tiles are
    /// too few to count.
    public double bitsPerWeight() {
        return granularity == Granularity.BLOCK ? bits + (double) scaleType.bits() / inARow() : bits;
    }

    private int inARow() {
        return block == 0 ? USUAL_INTEGER_GROUP : block;
    }
}
