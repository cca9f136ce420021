package io.github.steelyard.layout;

import io.github.steelyard.census.SourceModule;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.dialect.GptOss;
import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.dialect.TensorNames;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.FusedStack;
import io.github.steelyard.weights.InputScale;
import io.github.steelyard.weights.WeightTensors;
import io.github.steelyard.weights.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;

/// All modules whose weights a server keeps in one tensor, as the source holds them, and the tensors that can be made
/// of them in ModelOpt's dialect.
///
/// @param members the modules
record SourceStack(List<SourceModule> members) {

    private static final Layout LAYOUT = new Layout(Dialect.MODELOPT);

    SourceStack {
        members = List.copyOf(members);
    }

    private static FusedStack.Member place(SourceModule module) {
        return module.linear().info().stacked().orElseThrow();
    }

    private FusedStack stack() {
        return place(members.getFirst()).stack();
    }

    private Weights weights() {
        return members.getFirst().weights();
    }

    /// Returns the name of the tensor.
    String name() {
        return stack().tensor();
    }

    /// Returns the input features of an expert.
    int columns() {
        return stack().columns();
    }

    private boolean isFused() {
        return members.getFirst().isFused();
    }

    /// Returns whether another weight lies over one of these modules.
    boolean isReplaced() {
        return members.stream().anyMatch(SourceModule::isReplaced);
    }

    private WeightTensors stored() {
        return WeightTensors.ofStack(weights().checkpoint(), name());
    }

    /// Returns whether the source holds plain values, fused or one by one.
    boolean isPlain() {
        return isFused() ? stored().format() == Format.PLAIN : members.stream().allMatch(SourceModule::isPlain);
    }

    boolean hasSeparateBiases() {
        return members.getFirst()
                .linear()
                .bias()
                .filter(bias -> !bias.tensor().equals(GptOss.bias(name())))
                .isPresent();
    }

    /// Returns the storage format of the first expert, for people.
    String formatName() {
        return members.getFirst().weight().formatName();
    }

    /// Returns whether the source has the tensor in `format`, with one scale for all experts.
    boolean isStoredAs(Format format) {
        if (!isFused() || isReplaced() || stored().format() != format) {
            return false;
        }
        boolean oneScale = stored().globalScale()
                .or(() -> stored().scale())
                .filter(tensor -> tensor.shape().elements() == 1)
                .isPresent();
        return oneScale && stored().weight().dtype() != DType.F8_E5M2;
    }

    /// Returns the format under which the source's tensor can be declared as it is.
    Optional<QuantAlgo> declaredFormat() {
        if (isStoredAs(Format.NVFP4)) {
            return Optional.of(inputScale().isPresent() ? QuantAlgo.NVFP4 : QuantAlgo.W4A16_NVFP4);
        }
        return inputScale().isPresent() && isStoredAs(Format.FP8) ? Optional.of(QuantAlgo.FP8) : Optional.empty();
    }

    /// Returns the one scale of the experts' input, where the source has it.
    Optional<Float> inputScale() {
        Checkpoint checkpoint = weights().checkpoint();
        return InputScale.ofStack(checkpoint, name())
                .map(InputScale::tensor)
                .filter(tensor -> tensor.shape().elements() == 1)
                .map(tensor -> members.getFirst().values(tensor).getFirst());
    }

    /// Returns the source's tensors as they are, with this input scale.
    List<OutputTensors> kept(Optional<Float> inputScale) {
        List<OutputTensors> tensors = new ArrayList<>();
        stored().all()
                .forEach(tensor -> tensors.add(OutputTensors.of(
                        tensor.name(),
                        tensor.dtype(),
                        tensor.shape(),
                        TensorContent.Copied.of(members.getFirst(), tensor))));
        return withInputScale(tensors, inputScale);
    }

    /// Returns the tensors of the experts as `encoder` makes them.
    List<OutputTensors> encoded(WeightEncoder encoder, Optional<Float> inputScale) {
        Format format = encoder.format();
        TensorNames names = names();
        List<Planned> encoded = new ArrayList<>();
        encoded.add(planned(names.codes(), format.codeType(), format.codeType().bits() / format.bits()));
        if (format.hasPartScales()) {
            encoded.add(planned(names.scale(), format.scaleType(), format.block()));
        }
        List<OutputTensors> tensors = new ArrayList<>();
        tensors.add(new OutputTensors(encoded, new TensorContent.Stacked(matrices(), rows -> rows.encode(encoder), 1)));
        tensors.add(LAYOUT.single(format.hasSecondLevel() ? names.secondScale() : names.scale(), encoder.scale()));
        return withInputScale(tensors, inputScale);
    }

    /// Returns the experts decoded.
    ///
    /// @param encoder encodes them before; empty for the experts as they are
    /// @param dtype F32 or BF16
    List<OutputTensors> values(Optional<WeightEncoder> encoder, DType dtype) {
        return List.of(new OutputTensors(
                List.of(planned(names().codes(), dtype, 1)),
                new TensorContent.Stacked(
                        matrices(),
                        rows -> List.of(encoder.map(rows::folded).orElse(rows).as(dtype)),
                        dtype.bits() / Byte.SIZE)));
    }

    /// Returns the type in which the experts can be written as plain values, and none changes.
    DType plainType() {
        boolean bf16 = members.stream().allMatch(member -> ModulePlanner.plainType(member.weight()) == DType.BF16);
        return bf16 ? DType.BF16 : DType.F32;
    }

    private List<OutputTensors> withInputScale(List<OutputTensors> tensors, Optional<Float> inputScale) {
        inputScale.ifPresent(scale -> tensors.add(LAYOUT.single(names().inputScale(), scale)));
        return tensors;
    }

    private TensorNames names() {
        return Dialect.MODELOPT.stack(name());
    }

    /// @param inputs input features that an element stands for
    private Planned planned(String name, DType dtype, int inputs) {
        Shape inner = stack().inner(inputs);
        return new Planned(name, dtype, Shape.of(stack().count(), inner.dim(0), inner.dim(1)));
    }

    private List<StackedMatrix> matrices() {
        if (isFused() && !isReplaced()) {
            return IntStream.range(0, stack().count())
                    .mapToObj(expert -> matrix(List.of(
                            new StackedMatrix.Rows(stack().matrix(weights().stored(), expert), 0, 1))))
                    .toList();
        }
        TreeMap<Integer, List<StackedMatrix.Rows>> parts = new TreeMap<>();
        for (SourceModule member : members) {
            FusedStack.Part part = place(member).part();
            parts.computeIfAbsent(place(member).index(), absent -> new ArrayList<>())
                    .add(new StackedMatrix.Rows(member.weight(), part.firstRow(stack().rows()), part.step()));
        }
        return parts.values().stream().map(this::matrix).toList();
    }

    private StackedMatrix matrix(List<StackedMatrix.Rows> parts) {
        return new StackedMatrix(parts, stack().rows(), stack().layout());
    }
}
