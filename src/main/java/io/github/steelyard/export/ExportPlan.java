package io.github.steelyard.export;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.declare.ExportDeclaration;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.Finding;
import io.github.steelyard.layout.ModuleExport;
import io.github.steelyard.layout.OutputTensors;
import io.github.steelyard.layout.TensorContent;
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
/// @param outputs every tensor, those copied from the source included
/// @param declaration what servers are told
/// @param findings what a person should know
record ExportPlan(
        List<ModuleExport> modules,
        List<OutputTensors> outputs,
        ExportDeclaration declaration,
        List<Finding> findings) {

    ExportPlan {
        modules = List.copyOf(modules);
        outputs = List.copyOf(outputs);
        findings = List.copyOf(findings);
    }

    /// Returns what will be written as a checkpoint. Of its bytes there are only those that are copied, and scales of a
    /// whole tensor.
    ///
    /// @param source the checkpoint that is exported
    Checkpoint checkpoint(Checkpoint source) {
        Path directory = source.directory();
        Map<String, OutputTensors> byName = byName();
        Optional<ConfigJson> separate = declaration
                .separate()
                .map(content -> ConfigJson.parse(directory.resolve("hf_quant_config.json"), content.toString()));
        return Checkpoint.planned(
                directory,
                ConfigJson.parse(
                        directory.resolve("config.json"),
                        SideFiles.config(source, declaration).toString()),
                separate,
                outputs.stream()
                        .flatMap(made -> made.tensors().stream())
                        .map(tensor -> new TensorInfo(
                                tensor.name(), tensor.dtype(), tensor.shape(), directory, 0, tensor.byteSize()))
                        .toList(),
                name -> bytes(name, Objects.requireNonNull(byName.get(name), name)));
    }

    /// Returns whether the bytes of a tensor of [#checkpoint] are there.
    ///
    /// @param copied whether those that are copied count too where they are more than one value
    Predicate<TensorInfo> readable(boolean copied) {
        Map<String, OutputTensors> byName = byName();
        return tensor -> byName.containsKey(tensor.name())
                && switch (byName.get(tensor.name()).content()) {
                    case TensorContent.Copied content ->
                        copied || tensor.shape().elements() == 1;
                    case TensorContent.Floats content -> true;
                    case TensorContent.Values content -> false;
                    case TensorContent.Encoded content -> false;
                    case TensorContent.Stacked content -> false;
                };
    }

    /// Returns where every scale comes from.
    ///
    /// @param inputs what the export is made from, by name
    ObjectNode provenance(Map<String, String> inputs, ScaleTable scales) {
        return ProvenanceJson.of(inputs, scales, modules, declaration.quantizers());
    }

    private Map<String, OutputTensors> byName() {
        Map<String, OutputTensors> byName = new HashMap<>();
        outputs.forEach(made -> made.names().forEach(name -> byName.put(name, made)));
        return byName;
    }

    private static MemorySegment bytes(String name, OutputTensors made) {
        return switch (made.content()) {
            case TensorContent.Copied content -> content.bytes();
            case TensorContent.Floats content ->
                MemorySegment.ofBuffer(content.piece(0).getFirst());
            case TensorContent.Values content -> small(name, made);
            case TensorContent.Encoded content -> small(name, made);
            case TensorContent.Stacked content -> small(name, made);
        };
    }

    /// A channel or block may be the whole tensor, and its one scale is looked at like a tensor's.
    private static MemorySegment small(String name, OutputTensors made) {
        if (made.tensors().stream()
                .noneMatch(
                        tensor -> tensor.name().equals(name) && tensor.shape().elements() == 1)) {
            throw new IllegalStateException("tensor '%s' has no bytes yet".formatted(name));
        }
        return MemorySegment.ofArray(new float[] {1});
    }
}
