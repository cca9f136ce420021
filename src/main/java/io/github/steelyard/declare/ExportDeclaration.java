package io.github.steelyard.declare;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.audit.Expectation;
import io.github.steelyard.dialect.ModuleFormat;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/// What an export tells servers, in one of the dialects: which module is in which format.
public sealed interface ExportDeclaration
        permits ModelOptDeclaration, CompressedTensorsDeclaration, LauncherDeclaration {

    /// Returns the formats of each quantised module, in the order of the model.
    SequencedMap<String, ModuleFormat> layers();

    /// Returns the format of the key and value cache, `FP8` or `NVFP4`; empty for none.
    Optional<String> kvCache();

    /// Returns the value of `quantization_config` in `config.json`.
    ObjectNode quantizationConfig();

    /// Returns the content of `hf_quant_config.json`, if the dialect has this file and there is anything to tell.
    default Optional<ObjectNode> separate() {
        return Optional.empty();
    }

    /// Returns the quantizers that ModelOpt's launcher is told of.
    default List<LauncherQuantizer> quantizers() {
        return List.of();
    }

    /// Returns the content of further files by name.
    default SequencedMap<String, byte[]> others() {
        return Collections.emptyNavigableMap();
    }

    /// Returns whether there is anything to tell in the configs.
    default boolean isEmpty() {
        return layers().isEmpty() && kvCache().isEmpty();
    }

    /// Returns what an audit is to find.
    default Expectation.Planned planned() {
        return new Expectation.Planned(layers(), kvCache());
    }
}
