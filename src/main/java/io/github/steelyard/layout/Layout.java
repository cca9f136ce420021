package io.github.steelyard.layout;

import io.github.steelyard.census.SourceModule;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.dialect.ModelOpt;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.dialect.TensorNames;
import io.github.steelyard.dialect.TensorScale;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.quant.ChannelFactors;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.WeightTensors;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The tensors of a quantised linear module in a dialect: what they are called, which shape they have and which way
/// round their scales are.
///
/// @param dialect the dialect
public record Layout(Dialect.Written dialect) {

    /// Returns the module with its codes and block scales as the source has them.
    ///
    /// @param inputScale the scale of the input, if it has a static one
    List<OutputTensors> kept(SourceModule module, Format format, Optional<TensorScale> inputScale) {
        TensorNames names = dialect.module(module.name(), format);
        ModuleInfo info = module.linear().info();
        WeightTensors stored = module.stored().orElseThrow();
        List<OutputTensors> tensors = new ArrayList<>();
        tensors.add(OutputTensors.of(
                names.codes(),
                dialect.codeType(format),
                dialect.codeShape(format, info.rows(), info.columns()),
                TensorContent.Copied.of(module, stored.weight())));
        tensors.add(keptScale(module, format, stored.scale().orElseThrow()));
        if (format.hasSecondLevel()) {
            module.tensorScale()
                    .ifPresent(scale -> tensors.add(single(
                            names.secondScale(), scale.as(names.reciprocal()).value())));
        }
        return withInputScale(tensors, names, inputScale);
    }

    private OutputTensors keptScale(SourceModule module, Format format, TensorInfo scale) {
        Planned planned = scales(module.linear().info(), format, format.block());
        return format.scaleType() == DType.F32
                ? new OutputTensors(
                        List.of(new Planned(planned.name(), DType.F32, planned.shape())),
                        new TensorContent.Floats(module.values(scale)))
                : OutputTensors.of(
                        planned.name(), planned.dtype(), scale.shape(), TensorContent.Copied.of(module, scale));
    }

    /// Returns the module encoded.
    ///
    /// @param encoder what encodes the weight, in the dialect's arithmetic
    /// @param inputScale the scale of the input, if it has a static one
    /// @param inputFactors what the input is multiplied by before, if anything
    List<OutputTensors> encoded(
            SourceModule module,
            WeightEncoder encoder,
            Optional<TensorScale> inputScale,
            Optional<ChannelFactors> inputFactors) {
        Format format = encoder.format();
        ModuleInfo info = module.linear().info();
        TensorNames names = dialect.module(module.name(), format);
        List<Planned> made = new ArrayList<>();
        made.add(new Planned(
                names.codes(), dialect.codeType(format), dialect.codeShape(format, info.rows(), info.columns())));
        if (format.hasPartScales()) {
            made.add(scales(info, format, encoder.block()));
        }
        List<OutputTensors> tensors = new ArrayList<>();
        tensors.add(new OutputTensors(made, new TensorContent.Encoded(module.weight(), encoder)));
        if (dialect.hasExtents(format)) {
            tensors.add(extents(info));
        }
        if (format.hasTensorScale()) {
            tensors.add(single(format.hasSecondLevel() ? names.secondScale() : names.scale(), encoder.scale()));
        }
        inputFactors.ifPresent(factors -> tensors.add(OutputTensors.of(
                ModelOpt.preQuantScale(module.name()),
                DType.F32,
                Shape.of(info.columns()),
                new TensorContent.Copied(bytes(factors.values())))));
        return withInputScale(tensors, names, inputScale);
    }

    private static MemorySegment bytes(float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            bytes.putFloat(value);
        }
        return MemorySegment.ofArray(bytes.array());
    }

    private List<OutputTensors> withInputScale(
            List<OutputTensors> tensors, TensorNames names, Optional<TensorScale> inputScale) {
        inputScale.ifPresent(scale -> tensors.add(
                single(names.inputScale(), scale.as(names.reciprocal()).value())));
        return tensors;
    }

    private Planned scales(ModuleInfo info, Format format, int block) {
        return new Planned(
                dialect.module(info.name(), format).scale(),
                dialect.scaleType(format),
                dialect.scaleShape(format, block, info.rows(), info.columns()));
    }

    private static OutputTensors extents(ModuleInfo info) {
        byte[] bytes = ByteBuffer.allocate(2 * Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(info.rows())
                .putLong(info.columns())
                .array();
        return OutputTensors.of(
                Part.WEIGHT_SHAPE.in(info.name()),
                DType.I64,
                Shape.of(2),
                new TensorContent.Copied(MemorySegment.ofArray(bytes)));
    }

    /// Returns a scale of one value.
    OutputTensors single(String name, float value) {
        return OutputTensors.of(name, DType.F32, dialect.singleShape(), new TensorContent.Floats(List.of(value)));
    }
}
