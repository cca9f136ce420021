package io.github.steelyard.weights;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Declaration;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.format.ByteIntWeight;
import io.github.steelyard.format.Fp8Rounded;
import io.github.steelyard.format.Fp8Weight;
import io.github.steelyard.format.IntWeight;
import io.github.steelyard.format.MxWeight;
import io.github.steelyard.format.Nvfp4Weight;
import io.github.steelyard.format.PairedIntWeight;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Locale;
import java.util.Optional;

/// Opens a detected weight: checks the shapes of codes and scales, then hands the bytes to the format.
record StoredWeights(Checkpoint checkpoint, WeightTensors tensors, int rows, int columns) {

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// @throws CheckpointException if a tensor has another shape or dtype than the format wants, or MX scales make
    ///     values that are no numbers
    StoredWeight open() {
        try {
            return switch (tensors.format()) {
                case PLAIN -> plain(require(tensors.weight(), rows, columns), rows, columns);
                case FP8 ->
                    Fp8Weight.perTensor(codes(columns), tensors.weight().dtype(), rows, columns, scalar(scale()));
                case FP8_PER_CHANNEL ->
                    Fp8Weight.perChannel(
                            codes(columns), tensors.weight().dtype(), rows, columns, scales(scale(), rows, 1));
                case FP8_BLOCK -> fp8Block();
                case NVFP4_32 ->
                    Nvfp4Weight.ofBlocks32(
                            codes(half()),
                            bytes(require(scale(), rows, blocks())),
                            rows,
                            columns,
                            scalar(globalScale()));
                case INT4_FP8 -> new Fp8Rounded(pairs(), scalar(globalScale()));
                case NVFP4 -> nvfp4(scalar(globalScale()), tensors.reciprocal());
                case MXFP4 ->
                    MxScales.requireFinite(
                            MxWeight.mxfp4(codes(half()), bytes(require(scale(), rows, blocks())), rows, columns),
                            scale());
                case MXFP8 ->
                    MxScales.requireFinite(
                            MxWeight.mxfp8(codes(columns), bytes(require(scale(), rows, blocks())), rows, columns),
                            scale());
                case INT4, INT8_GROUPS -> tensors.weight().dtype() == DType.I32 ? integers() : pairs();
                case INT8 -> ByteIntWeight.perTensor(codes(columns), rows, columns, scalar(scale()));
                case INT8_PER_CHANNEL -> new ByteIntWeight(codes(columns), rows, columns, scales(scale(), rows, 1));
                case FP8_DYNAMIC_TOKEN, FP8_DYNAMIC_GROUP, INT8_DYNAMIC_TOKEN ->
                    throw new AssertionError(tensors.format());
            };
        } catch (IllegalArgumentException e) {
            TensorInfo weight = tensors.weight();
            throw new CheckpointException(weight.file(), "tensor '%s': %s".formatted(weight.name(), e.getMessage()), e);
        }
    }

    private StoredWeight fp8Block() {
        Fp8Blocks blocks = Fp8Blocks.of(checkpoint.quantization(), module());
        int blockRows = Math.ceilDiv(rows, blocks.rows());
        int blockColumns = Math.ceilDiv(columns, blocks.columns());
        boolean modelOpt = scale().shape().equals(Shape.of(blockRows, 1, blockColumns, 1));
        if (!modelOpt && !scale().shape().equals(Shape.of(blockRows, blockColumns))) {
            throw wrongShape(
                    scale(), String.format(Locale.ROOT, "[%d, %d], scales of %s", blockRows, blockColumns, blocks));
        }
        return new Fp8Weight(
                codes(columns),
                tensors.weight().dtype(),
                rows,
                columns,
                blocks.rows(),
                blocks.columns(),
                scales(scale(), blockRows, blockColumns));
    }

    private StoredWeight integers() {
        TensorInfo codes = tensors.weight();
        int bits = codes.shape().equals(Shape.of(rows, IntWeight.words(columns, 8))) ? 8 : 4;
        require(codes, rows, IntWeight.words(columns, bits));
        requireWeightShape();
        int group = group();
        int wanted = Math.ceilDiv(columns, group);
        String zeroName = Part.WEIGHT_ZERO_POINT.in(module());
        Optional<MemorySegment> zeros = Optional.empty();
        if (checkpoint.has(zeroName)) {
            TensorInfo zero = require(checkpoint.tensor(zeroName), IntWeight.words(rows, bits), wanted);
            if (zero.dtype() != DType.I32) {
                throw new CheckpointException(
                        zero.file(), "tensor '%s': wanted I32 words, found %s".formatted(zeroName, zero.typeText()));
            }
            zeros = Optional.of(bytes(zero));
        }
        return new IntWeight(bytes(codes), bits, rows, columns, group, scales(scale(), rows, wanted), zeros);
    }

    /// Returns how many columns share a scale, once there are as many scales.
    private int group() {
        int groups = scale().shape().rank() == 2
                ? Math.toIntExact(Math.clamp(scale().shape().dim(1), 1, Integer.MAX_VALUE))
                : 1;
        int group = checkpoint
                .quantization()
                .declarationOf(module())
                .map(Declaration::groupSize)
                .filter(size -> size > 0)
                .orElse(Math.max(1, Math.ceilDiv(columns, groups)));
        int wanted = Math.ceilDiv(columns, group);
        if (!scale().shape().equals(Shape.of(rows, wanted))) {
            throw wrongShape(
                    scale(), String.format(Locale.ROOT, "[%d, %d], scales of groups of %d", rows, wanted, group));
        }
        return group;
    }

    private StoredWeight pairs() {
        int group = group();
        return new PairedIntWeight(
                bytes(require(tensors.weight(), Math.ceilDiv(rows, 2), columns)),
                rows,
                columns,
                group,
                scales(scale(), rows, Math.ceilDiv(columns, group)));
    }

    /// Holds what the checkpoint says of the unpacked extents against those of the module.
    private void requireWeightShape() {
        String name = Part.WEIGHT_SHAPE.in(module());
        if (!checkpoint.has(name)) {
            return;
        }
        TensorInfo tensor = checkpoint.tensor(name);
        boolean agrees = tensor.dtype() == DType.I64
                && tensor.shape().equals(Shape.of(2))
                && bytes(tensor).get(LONG, 0) == rows
                && bytes(tensor).get(LONG, Long.BYTES) == columns;
        if (!agrees) {
            throw new CheckpointException(
                    tensor.file(),
                    String.format(
                            Locale.ROOT,
                            "tensor '%s': wanted the extents [%d, %d] as two I64, found others",
                            name,
                            rows,
                            columns));
        }
    }

    private String module() {
        String name = tensors.weight().name();
        return name.substring(0, Math.max(0, name.lastIndexOf('.')));
    }

    /// Returns scales as plain values; powers of two are decoded here, every one of them exactly.
    private PlainWeight scales(TensorInfo tensor, int scaleRows, int scaleColumns) {
        if (tensor.shape().elements() != (long) scaleRows * scaleColumns) {
            throw wrongShape(tensor, String.format(Locale.ROOT, "[%d, %d]", scaleRows, scaleColumns));
        }
        return MxScales.arePowers(tensor)
                ? PlainWeight.ofFloats(MxScales.values(checkpoint, tensor), scaleRows, scaleColumns)
                : plain(tensor, scaleRows, scaleColumns);
    }

    private StoredWeight nvfp4(float global, boolean reciprocal) {
        MemorySegment codes = codes(half());
        MemorySegment scales = bytes(require(scale(), rows, blocks()));
        return reciprocal
                ? Nvfp4Weight.ofReciprocal(codes, scales, rows, columns, global)
                : new Nvfp4Weight(codes, scales, rows, columns, global);
    }

    private int half() {
        return columns / 2;
    }

    private int blocks() {
        int size = tensors.format().block();
        if (!tensors.format().fits(columns)) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "wanted input features divisible by %d, found %d", size, columns));
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
        scales(tensor, 1, 1).decodeRows(0, 1, value, 0);
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
