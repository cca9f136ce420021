package io.github.steelyard.weights;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.dialect.TensorNames;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.format.Fp8Weight;
import io.github.steelyard.format.MxWeight;
import io.github.steelyard.format.Nvfp4Weight;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.format.TransposedNvfp4Weight;
import io.github.steelyard.format.TransposedWeight;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// A tensor that holds one weight matrix for each expert of a layer, without `.weight` in its name. Scales lie beside
/// it under its name and a suffix.
///
/// | what lies there | is read as |
/// |---|---|
/// | plain values `(count, …)` | those |
/// | FP8 codes `(count, …)`, `_weight_scale`: one, or one for each matrix | FP8 |
/// | FP8 codes `(count, rows, columns)`, `_scale_inv (count, rows / 128, columns / 128)`, rounded up | FP8 in blocks |
/// | U8 codes `(count, …)`, `_weight_scale`, `_weight_scale_2`: one, or one for each matrix | NVFP4, along the inputs |
/// | `_blocks (count, rows, columns / 32, 16)`, `_scales (count, rows, columns / 32)` | MXFP4 |
///
/// @param tensor name of the tensor
/// @param count number of matrices
/// @param rows output features of a matrix
/// @param columns input features of a matrix
/// @param layout order of the two inner extents; MXFP4 always has outputs first
/// @param tensors names of the tensors that make it up
public record FusedStack(String tensor, int count, int rows, int columns, Layout layout, List<String> tensors) {

    private static final int MX_BLOCK_BYTES = 16;

    /// Order of a stack's two inner extents.
    public enum Layout {
        /// Outputs, inputs: as in a linear layer.
        OUT_IN,
        /// Inputs, outputs.
        IN_OUT
    }

    /// Which rows of a matrix a module has.
    public enum Part {
        ALL,
        FIRST_HALF,
        SECOND_HALF,
        EVEN_ROWS,
        ODD_ROWS;

        /// Returns the first row, of `rows`.
        public int firstRow(int rows) {
            return switch (this) {
                case ALL, FIRST_HALF, EVEN_ROWS -> 0;
                case SECOND_HALF -> rows / 2;
                case ODD_ROWS -> 1;
            };
        }

        /// Returns the distance between two rows.
        public int step() {
            return switch (this) {
                case ALL, FIRST_HALF, SECOND_HALF -> 1;
                case EVEN_ROWS, ODD_ROWS -> 2;
            };
        }

        private StoredWeight of(StoredWeight whole) {
            int rows = whole.rows();
            return switch (this) {
                case ALL -> whole;
                case FIRST_HALF -> whole.rowRange(0, rows / 2);
                case SECOND_HALF -> whole.rowRange(rows / 2, rows);
                case EVEN_ROWS -> whole.everySecondRow(0);
                case ODD_ROWS -> whole.everySecondRow(1);
            };
        }
    }

    /// The place of one module in a stack.
    ///
    /// @param stack the stack
    /// @param index which matrix
    /// @param part which of its rows
    public record Member(FusedStack stack, int index, Part part) {

        /// Returns the module's weight in `weights`, whose checkpoint must hold the stack.
        public StoredWeight open(CheckpointWeights weights) {
            return part.of(stack.matrix(weights, index));
        }
    }

    public FusedStack {
        tensors = List.copyOf(tensors);
    }

    /// Returns the module that holds this stack and others beside it: `model.layers.0.mlp.experts`.
    public String owner() {
        return tensor.substring(0, Math.max(tensor.lastIndexOf('.'), 0));
    }

    /// Returns whether a checkpoint holds the stack, in any format.
    public boolean isIn(Checkpoint checkpoint) {
        return checkpoint.has(tensor) || checkpoint.has(mxfp4(tensor).codes());
    }

    /// Returns the stack of this name.
    ///
    /// @param has tells whether the checkpoint holds a tensor
    public static FusedStack of(String tensor, int count, int rows, int columns, Layout layout, Predicate<String> has) {
        TensorNames mxfp4 = mxfp4(tensor);
        List<String> found = StoredNames.allOfStack(tensor).stream()
                .filter(name -> has.test(name) || (name.equals(mxfp4.scale()) && has.test(mxfp4.codes())))
                .toList();
        return new FusedStack(tensor, count, rows, columns, layout, found.isEmpty() ? List.of(tensor) : found);
    }

    private static TensorNames mxfp4(String tensor) {
        return Dialect.GPT_OSS.stack(tensor);
    }

    /// Returns matrix `index` as it lies in `weights`, whose checkpoint must hold the stack.
    ///
    /// @throws CheckpointException if a tensor is missing or has another shape than the format wants
    public StoredWeight matrix(CheckpointWeights weights, int index) {
        Checkpoint checkpoint = weights.checkpoint();
        WeightTensors stored = WeightTensors.ofStack(checkpoint, tensor);
        TensorInfo info = stored.weight();
        try {
            return switch (stored.format()) {
                case MXFP4 -> mxfp4(checkpoint, stored, index);
                case NVFP4 -> nvfp4(checkpoint, stored, index);
                case FP8 -> fp8(checkpoint, stored, index);
                case FP8_BLOCK -> fp8Block(checkpoint, stored, index);
                case PLAIN -> plain(checkpoint, info, index);
                case FP8_PER_CHANNEL,
                        FP8_DYNAMIC_TOKEN,
                        FP8_DYNAMIC_GROUP,
                        NVFP4_32,
                        MXFP8,
                        INT4,
                        INT4_FP8,
                        INT8,
                        INT8_PER_CHANNEL,
                        INT8_DYNAMIC_TOKEN,
                        INT8_GROUPS -> throw new AssertionError(stored.format());
            };
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(info.file(), "tensor '%s': %s".formatted(info.name(), e.getMessage()), e);
        }
    }

    private StoredWeight plain(Checkpoint checkpoint, TensorInfo info, int index) {
        MemorySegment values = matrix(checkpoint, info, index, inner(1));
        return switch (layout) {
            case OUT_IN -> new PlainWeight(values, info.dtype(), rows, columns);
            case IN_OUT -> TransposedWeight.plain(values, info.dtype(), rows, columns);
        };
    }

    private StoredWeight fp8(Checkpoint checkpoint, WeightTensors stored, int index) {
        DType dtype = stored.weight().dtype();
        MemorySegment codes = matrix(checkpoint, stored.weight(), index, inner(1));
        float scale = scalar(checkpoint, stored.scale().orElseThrow(), index);
        return switch (layout) {
            case OUT_IN -> Fp8Weight.perTensor(codes, dtype, rows, columns, scale);
            case IN_OUT -> new TransposedWeight(codes, dtype, rows, columns, scale);
        };
    }

    private StoredWeight fp8Block(Checkpoint checkpoint, WeightTensors stored, int index) {
        if (layout == Layout.IN_OUT) {
            throw new IllegalArgumentException("FP8 in blocks, stored transposed, is not supported");
        }
        Fp8Blocks blocks = Fp8Blocks.of(checkpoint.quantization(), owner());
        int blockRows = Math.ceilDiv(rows, blocks.rows());
        int blockColumns = Math.ceilDiv(columns, blocks.columns());
        TensorInfo scale = stored.scale().orElseThrow();
        MemorySegment scales = matrix(checkpoint, scale, index, Shape.of(blockRows, blockColumns));
        MemorySegment codes = matrix(checkpoint, stored.weight(), index, inner(1));
        return new Fp8Weight(
                codes,
                stored.weight().dtype(),
                rows,
                columns,
                blocks.rows(),
                blocks.columns(),
                new PlainWeight(scales, scale.dtype(), blockRows, blockColumns));
    }

    private StoredWeight nvfp4(Checkpoint checkpoint, WeightTensors stored, int index) {
        requireMultiple(Nvfp4Weight.BLOCK);
        TensorInfo weight = stored.weight();
        MemorySegment codes = matrix(checkpoint, weight, index, inner(weight.dtype() == DType.F4 ? 1 : 2));
        MemorySegment scales = matrix(checkpoint, stored.scale().orElseThrow(), index, inner(Nvfp4Weight.BLOCK));
        float global = scalar(checkpoint, stored.globalScale().orElseThrow(), index);
        return switch (layout) {
            case OUT_IN -> new Nvfp4Weight(codes, scales, rows, columns, global);
            case IN_OUT -> new TransposedNvfp4Weight(codes, scales, rows, columns, global);
        };
    }

    private StoredWeight mxfp4(Checkpoint checkpoint, WeightTensors stored, int index) {
        requireMultiple(MxWeight.BLOCK);
        long inRow = columns / MxWeight.BLOCK;
        TensorInfo scale = stored.scale().orElseThrow();
        return MxScales.requireFinite(
                MxWeight.mxfp4(
                        matrix(checkpoint, stored.weight(), index, Shape.of(rows, inRow, MX_BLOCK_BYTES)),
                        matrix(checkpoint, scale, index, Shape.of(rows, inRow)),
                        rows,
                        columns),
                scale);
    }

    /// Returns the extents of one matrix in which an element stands for `inputs` input features.
    public Shape inner(int inputs) {
        return switch (layout) {
            case OUT_IN -> Shape.of(rows, columns / inputs);
            case IN_OUT -> Shape.of(columns / inputs, rows);
        };
    }

    private void requireMultiple(int block) {
        if (columns % block != 0) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "wanted input features divisible by %d, found %d", block, columns));
        }
    }

    private MemorySegment matrix(Checkpoint checkpoint, TensorInfo info, int index, Shape inner) {
        Shape wanted = new Shape(
                Stream.concat(Stream.of((long) count), inner.dims().stream()).toList());
        if (!info.shape().equals(wanted)) {
            throw new CheckpointException(
                    info.file(), "tensor '%s': wanted shape %s, found %s".formatted(info.name(), wanted, info.shape()));
        }
        long bytes = info.byteSize() / count;
        return checkpoint.bytes(info).asSlice(index * bytes, bytes);
    }

    /// Returns the one value of a tensor, or of one for each matrix that of matrix `index`.
    private float scalar(Checkpoint checkpoint, TensorInfo info, int index) {
        long elements = info.shape().elements();
        if (elements != 1 && elements != count) {
            throw new CheckpointException(
                    info.file(),
                    String.format(
                            Locale.ROOT,
                            "tensor '%s': wanted one value or %d, found shape %s",
                            info.name(),
                            count,
                            info.shape()));
        }
        float[] values = new float[(int) elements];
        new PlainWeight(checkpoint.bytes(info), info.dtype(), 1, values.length).decodeRows(0, 1, values, 0);
        return values[elements == 1 ? 0 : index];
    }
}
