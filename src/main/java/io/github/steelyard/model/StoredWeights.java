package io.github.steelyard.model;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.CheckpointException;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.format.Fp8Weight;
import io.github.steelyard.format.MxWeight;
import io.github.steelyard.format.Nvfp4Weight;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.tensor.Shape;
import java.lang.foreign.MemorySegment;

/// Opens a detected weight: checks the shapes of codes and scales, then hands the bytes to the format.
record StoredWeights(Checkpoint checkpoint, WeightTensors tensors, int rows, int columns) {

    private static final int NVFP4_BLOCK = 16;
    private static final int MX_BLOCK = 32;

    /// @throws CheckpointException if a tensor has another shape or dtype than the format wants
    StoredWeight open() {
        try {
            return switch (tensors.kind()) {
                case PLAIN -> plain(require(tensors.weight(), rows, columns), rows, columns);
                case FP8_TENSOR ->
                    Fp8Weight.perTensor(codes(columns), tensors.weight().dtype(), rows, columns, scalar(scale()));
                case FP8_CHANNEL ->
                    Fp8Weight.perChannel(
                            codes(columns), tensors.weight().dtype(), rows, columns, plain(scale(), rows, 1));
                case FP8_BLOCK -> fp8Block();
                case NVFP4 -> nvfp4(scalar(globalScale()), false);
                case NVFP4_PACKED -> nvfp4(scalar(globalScale()), true);
                case MXFP4 ->
                    MxWeight.mxfp4(codes(half()), bytes(require(scale(), rows, blocks(MX_BLOCK))), rows, columns);
                case MXFP8 ->
                    MxWeight.mxfp8(codes(columns), bytes(require(scale(), rows, blocks(MX_BLOCK))), rows, columns);
            };
        } catch (IllegalArgumentException e) {
            TensorInfo weight = tensors.weight();
            throw new CheckpointException(weight.file(), "tensor '%s': %s".formatted(weight.name(), e.getMessage()), e);
        }
    }

    private StoredWeight fp8Block() {
        int blockRows = (rows + Fp8Weight.BLOCK - 1) / Fp8Weight.BLOCK;
        int blockColumns = (columns + Fp8Weight.BLOCK - 1) / Fp8Weight.BLOCK;
        boolean modelOpt = scale().shape().equals(Shape.of(blockRows, 1, blockColumns, 1));
        TensorInfo tensor = modelOpt ? scale() : require(scale(), blockRows, blockColumns);
        PlainWeight scales = plain(tensor, blockRows, blockColumns);
        return Fp8Weight.blocks(codes(columns), tensors.weight().dtype(), rows, columns, scales);
    }

    private StoredWeight nvfp4(float global, boolean reciprocal) {
        MemorySegment codes = codes(half());
        MemorySegment scales = bytes(require(scale(), rows, blocks(NVFP4_BLOCK)));
        return reciprocal
                ? Nvfp4Weight.ofReciprocal(codes, scales, rows, columns, global)
                : new Nvfp4Weight(codes, scales, rows, columns, global);
    }

    private int half() {
        return columns / 2;
    }

    private int blocks(int size) {
        if (columns % size != 0) {
            throw new IllegalArgumentException(
                    "wanted input features divisible by %d, found %d".formatted(size, columns));
        }
        return columns / size;
    }

    private MemorySegment codes(int codeColumns) {
        return bytes(require(tensors.weight(), rows, codeColumns));
    }

    private MemorySegment bytes(TensorInfo tensor) {
        return checkpoint.bytes(tensor);
    }

    private PlainWeight plain(TensorInfo tensor, int plainRows, int plainColumns) {
        return new PlainWeight(bytes(tensor), tensor.dtype(), plainRows, plainColumns);
    }

    private TensorInfo scale() {
        return tensors.scale().orElseThrow();
    }

    private TensorInfo globalScale() {
        return tensors.globalScale().orElseThrow();
    }

    private float scalar(TensorInfo tensor) {
        if (tensor.shape().elements() != 1) {
            throw wrongShape(tensor, "one value");
        }
        float[] value = new float[1];
        plain(tensor, 1, 1).decodeRows(0, 1, value, 0);
        return value[0];
    }

    private static TensorInfo require(TensorInfo tensor, int wantedRows, int wantedColumns) {
        Shape wanted = Shape.of(wantedRows, wantedColumns);
        if (!tensor.shape().equals(wanted)) {
            throw wrongShape(tensor, wanted.toString());
        }
        return tensor;
    }

    private static CheckpointException wrongShape(TensorInfo tensor, String wanted) {
        return new CheckpointException(
                tensor.file(),
                "tensor '%s': wanted shape %s, found %s".formatted(tensor.name(), wanted, tensor.shape()));
    }
}
