package io.github.steelyard.export;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.Finding;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;

/// Everything that an export is going to write, decided before the first byte.
///
/// @param modules what becomes of each module
/// @param tensors every tensor, those copied from the source included, in the order of writing
/// @param declaration what servers are told
/// @param findings what a person should know
record ExportPlan(
        List<ModuleExport> modules, List<OutputTensor> tensors, Declaration declaration, List<Finding> findings) {

    ExportPlan {
        modules = List.copyOf(modules);
        tensors = List.copyOf(tensors);
        findings = List.copyOf(findings);
    }

    /// Returns what will be written as a checkpoint. Of its bytes there are only those that are copied, and scales of a
    /// whole tensor.
    ///
    /// @param source the checkpoint that is exported
    Checkpoint checkpoint(Checkpoint source) {
        Path directory = source.directory();
        Map<String, OutputTensor> byName = new HashMap<>();
        tensors.forEach(tensor -> byName.put(tensor.name(), tensor));
        Optional<ConfigJson> separate = declaration.isEmpty()
                ? Optional.empty()
                : Optional.of(ConfigJson.parse(
                        directory.resolve("hf_quant_config.json"),
                        declaration.hfQuantConfig().toString()));
        return Checkpoint.planned(
                directory,
                ConfigJson.parse(
                        directory.resolve("config.json"),
                        SideFiles.config(source, declaration).toString()),
                separate,
                tensors.stream()
                        .map(tensor -> new TensorInfo(
                                tensor.name(), tensor.dtype(), tensor.shape(), directory, 0, tensor.byteSize()))
                        .toList(),
                name -> bytes(Objects.requireNonNull(byName.get(name), name)));
    }

    /// Returns whether the bytes of a tensor of [#checkpoint] are there.
    ///
    /// @param copied whether those that are copied count too where they are more than one value
    Predicate<TensorInfo> readable(boolean copied) {
        Map<String, TensorContent> contents = new HashMap<>();
        tensors.forEach(tensor -> contents.put(tensor.name(), tensor.content()));
        return tensor -> switch (contents.get(tensor.name())) {
            case TensorContent.Copied content -> copied || tensor.shape().elements() == 1;
            case TensorContent.Floats content -> true;
            case TensorContent.Values content -> false;
            case TensorContent.Codes content -> false;
            case TensorContent.Scales content -> false;
            case TensorContent.Stacked content -> false;
            case null -> false;
        };
    }

    private static MemorySegment bytes(OutputTensor tensor) {
        return switch (tensor.content()) {
            case TensorContent.Copied content -> content.bytes();
            case TensorContent.Floats content -> MemorySegment.ofBuffer(content.piece(0));
            case TensorContent.Values content -> small(tensor);
            case TensorContent.Codes content -> small(tensor);
            case TensorContent.Scales content -> small(tensor);
            case TensorContent.Stacked content -> small(tensor);
        };
    }

    /// A channel or block may be the whole tensor, and its one scale is looked at like a tensor's.
    private static MemorySegment small(OutputTensor tensor) {
        if (tensor.shape().elements() != 1) {
            throw new IllegalStateException("tensor '%s' has no bytes yet".formatted(tensor.name()));
        }
        return MemorySegment.ofBuffer(new TensorContent.Floats(List.of(1f)).piece(0));
    }
}
