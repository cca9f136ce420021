package io.github.steelyard.model;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.CheckpointException;
import io.github.steelyard.checkpoint.TensorInfo;
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
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// A tensor that holds one weight matrix for each expert of a layer, without `.weight` in its name. Scales lie beside
/// it
/// under its name and a suffix.
///
/// | what lies there | is read as |
/// |---|---|
/// | plain values `(count, …)` | those |
/// | FP8 codes `(count, …)`, one `_weight_scale` | FP8 |
/// | U8 codes `(count, …)`, `_weight_scale`, `_weight_scale_2` | NVFP4, blocks along the inputs |
/// | `_blocks (count, rows, columns / 32, 16)`, `_scales (count, rows, columns / 32)` | MXFP4 |
///
/// @param tensor name of the tensor
/// @param count number of matrices
/// @param rows output features of a matrix
/// @param columns input features of a matrix
/// @param layout order of the two inner extents; MXFP4 always has outputs first
/// @param tensors names of the tensors that make it up
public record FusedStack(String tensor, int count, int rows, int columns, Layout layout, List<String> tensors) {

    private static final int NVFP4_BLOCK = 16;
    private static final int MX_BLOCK_BYTES = 16;
    private static final List<String> SUFFIXES =
            List.of("", "_blocks", "_scales", "_weight_scale", "_weight_scale_2", "_input_scale");

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
        int firstRow(int rows) {
            return switch (this) {
                case ALL, FIRST_HALF, EVEN_ROWS -> 0;
                case SECOND_HALF -> rows / 2;
                case ODD_ROWS -> 1;
            };
        }

        /// Returns the distance between two rows.
        int step() {
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

    public FusedStack {
        tensors = List.copyOf(tensors);
    }

    /// Returns the stack of this name.
    ///
    /// @param has tells whether the checkpoint holds a tensor
    public static FusedStack of(String tensor, int count, int rows, int columns, Layout layout, Predicate<String> has) {
        List<String> found = SUFFIXES.stream()
                .filter(suffix ->
                        has.test(tensor + suffix) || (suffix.equals("_scales") && has.test(tensor + "_blocks")))
                .map(suffix -> tensor + suffix)
                .toList();
        return new FusedStack(tensor, count, rows, columns, layout, found.isEmpty() ? List.of(tensor) : found);
    }

    /// Returns the bias of a module that has a part of matrix `index`: it lies in `_bias (count, rows)`.
    public Linear.Bias bias(int index, Part part) {
        return new Linear.Bias(
                tensor + "_bias", Shape.of(count, rows), index * rows + part.firstRow(rows), part.step());
    }

    /// Returns the source of a module that has a part of matrix `index`.
    public Linear.WeightSource part(int index, Part part) {
        return new Linear.WeightSource() {
            @Override
            public StoredWeight open(Weights weights, ModuleInfo module) {
                return part.of(FusedStack.this.open(weights, index));
            }

            @Override
            public List<String> fusedTensors() {
                return tensors;
            }

            @Override
            public Optional<FusedStack> stack() {
                return Optional.of(FusedStack.this);
            }
        };
    }

    private StoredWeight open(Weights weights, int index) {
        Checkpoint checkpoint = weights.checkpoint();
        boolean blocks = checkpoint.has(tensor + "_blocks");
        TensorInfo info = checkpoint.tensor(blocks ? tensor + "_blocks" : tensor);
        try {
            if (blocks) {
                return mxfp4(checkpoint, info, index);
            }
            return switch (info.dtype()) {
                case U8, F4 -> nvfp4(checkpoint, info, index);
                case F8_E4M3, F8_E5M2 -> fp8(checkpoint, info, index);
                default -> plain(checkpoint, info, index);
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

    private StoredWeight fp8(Checkpoint checkpoint, TensorInfo info, int index) {
        MemorySegment codes = matrix(checkpoint, info, index, inner(1));
        float scale = scalar(checkpoint, "_weight_scale");
        return switch (layout) {
            case OUT_IN -> Fp8Weight.perTensor(codes, info.dtype(), rows, columns, scale);
            case IN_OUT -> new TransposedWeight(codes, info.dtype(), rows, columns, scale);
        };
    }

    private StoredWeight nvfp4(Checkpoint checkpoint, TensorInfo info, int index) {
        requireMultiple(NVFP4_BLOCK);
        MemorySegment codes = matrix(checkpoint, info, index, inner(info.dtype() == DType.F4 ? 1 : 2));
        TensorInfo scale = checkpoint.tensor(tensor + "_weight_scale");
        MemorySegment scales = matrix(checkpoint, scale, index, inner(NVFP4_BLOCK));
        float global = scalar(checkpoint, "_weight_scale_2");
        return switch (layout) {
            case OUT_IN -> new Nvfp4Weight(codes, scales, rows, columns, global);
            case IN_OUT -> new TransposedNvfp4Weight(codes, scales, rows, columns, global);
        };
    }

    private StoredWeight mxfp4(Checkpoint checkpoint, TensorInfo blocks, int index) {
        requireMultiple(MxWeight.BLOCK);
        long inRow = columns / MxWeight.BLOCK;
        TensorInfo scale = checkpoint.tensor(tensor + "_scales");
        return MxWeight.mxfp4(
                matrix(checkpoint, blocks, index, Shape.of(rows, inRow, MX_BLOCK_BYTES)),
                matrix(checkpoint, scale, index, Shape.of(rows, inRow)),
                rows,
                columns);
    }

    /// Returns the extents of one matrix in which an element stands for `inputs` input features.
    private Shape inner(int inputs) {
        return switch (layout) {
            case OUT_IN -> Shape.of(rows, columns / inputs);
            case IN_OUT -> Shape.of(columns / inputs, rows);
        };
    }

    private void requireMultiple(int block) {
        if (columns % block != 0) {
            throw new IllegalArgumentException(
                    "wanted input features divisible by %d, found %d".formatted(block, columns));
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

    private float scalar(Checkpoint checkpoint, String suffix) {
        TensorInfo info = checkpoint.tensor(tensor + suffix);
        if (info.shape().elements() != 1) {
            throw new CheckpointException(
                    info.file(), "tensor '%s': wanted one value, found shape %s".formatted(info.name(), info.shape()));
        }
        float[] value = new float[1];
        new PlainWeight(checkpoint.bytes(info), info.dtype(), 1, 1).decodeRows(0, 1, value, 0);
        return value[0];
    }
}
