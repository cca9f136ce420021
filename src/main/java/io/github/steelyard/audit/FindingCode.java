package io.github.steelyard.audit;

import io.github.steelyard.files.Finding.Level;

/// Everything that an audit may find. `docs/FINDINGS.md` tells what to do about each.
///
/// A code means one fault, whoever asks. How bad it is depends on what is expected of the directory: a calibration can
/// start from a checkpoint that a server would serve wrong.
public enum FindingCode {
    UNREADABLE("unreadable", Level.ERROR, Level.ERROR, "a file, or a weight in it, cannot be read"),
    CONFIG("config", Level.ERROR, Level.WARNING, "config.json describes no model that can be run"),
    CONFIG_DISAGREES("config-disagrees", Level.ERROR, Level.ERROR, "config.json and the tensors disagree on an extent"),
    QUANTIZATION_UNKNOWN("quantization-unknown", Level.ERROR, Level.ERROR, "the quantization config is not understood"),
    QUANTIZATION_CONFIGS_DIFFER(
            "quantization-configs-differ",
            Level.WARNING,
            Level.WARNING,
            "hf_quant_config.json and config.json say different things"),
    PATTERN_IS_GLOB(
            "pattern-is-glob", Level.WARNING, Level.WARNING, "a pattern of the quantization config is read as a glob"),
    PATTERN_UNMATCHED(
            "pattern-unmatched",
            Level.WARNING,
            Level.ERROR,
            "a name or pattern of the quantization config matches no module"),
    PATTERN_CORRUPT("pattern-corrupt", Level.WARNING, Level.ERROR, "an excluded name has a control character in it"),
    BLOCK_SIZE("block-size", Level.ERROR, Level.ERROR, "the declared block size is not that of the scales"),
    FORMAT_UNDECLARED(
            "format-undeclared",
            Level.WARNING,
            Level.ERROR,
            "a weight is stored in another format than a pattern declares, or none is declared"),
    FORMAT_DISAGREES(
            "format-disagrees",
            Level.ERROR,
            Level.ERROR,
            "the config names a module and is wrong about it, or nothing is stored as it says"),
    INDEX_UNUSED("index-unused", Level.WARNING, Level.WARNING, "there are both an index and a single file"),
    INDEX_TOTAL_SIZE(
            "index-total-size", Level.WARNING, Level.WARNING, "the index is wrong about the bytes of all tensors"),
    FILE_UNLISTED("file-unlisted", Level.WARNING, Level.WARNING, "a file of tensors is not in the index"),
    TENSOR_UNLISTED("tensor-unlisted", Level.WARNING, Level.WARNING, "a tensor of a listed file is not in the index"),
    HEADER_UNKNOWN_KEY(
            "header-unknown-key",
            Level.WARNING,
            Level.WARNING,
            "a safetensors header has a key that no version defines"),
    TENSOR_MISSING(
            "tensor-missing", Level.ERROR, Level.ERROR, "a tensor that the model or the source has is not there"),
    TENSOR_UNREAD(
            "tensor-unread",
            Level.ERROR,
            Level.ERROR,
            "a tensor changes what the model computes, and its config has no use for it"),
    TENSOR_UNUSED("tensor-unused", Level.WARNING, Level.WARNING, "a tensor belongs to no part of the model"),
    TIED_HEAD_DIFFERS(
            "tied-head-differs",
            Level.WARNING,
            Level.WARNING,
            "a head is stored that is not the embedding it is tied to"),
    SHAPE("shape", Level.ERROR, Level.ERROR, "a tensor has another shape than the model or its format wants"),
    DTYPE("dtype", Level.ERROR, Level.ERROR, "a tensor has a type in which it cannot be read"),
    SCALE_MISSING("scale-missing", Level.ERROR, Level.ERROR, "a quantised weight lacks a scale"),
    SCALE_SHAPE("scale-shape", Level.ERROR, Level.ERROR, "a scale does not fit its weight"),
    SCALE_DTYPE("scale-dtype", Level.ERROR, Level.ERROR, "a scale has a type that its format does not have"),
    SCALE_ORPHAN("scale-orphan", Level.WARNING, Level.ERROR, "a scale has no quantised weight beside it"),
    SCALE_INVALID(
            "scale-invalid", Level.ERROR, Level.ERROR, "a scale is not finite and positive, or its amax is not finite"),
    SCALE_IMPLAUSIBLE("scale-implausible", Level.WARNING, Level.ERROR, "a scale is too small or large to be measured"),
    SCALE_ZERO_BLOCK("scale-zero-block", Level.WARNING, Level.WARNING, "a block scale is zero over codes that are not"),
    SCALE_DEFAULT("scale-default", Level.WARNING, Level.WARNING, "an input scale looks like a default"),
    SCALE_EQUAL("scale-equal", Level.WARNING, Level.WARNING, "an input scale is the same in all layers"),
    SCALE_OUTLIER(
            "scale-outlier", Level.WARNING, Level.WARNING, "an expert's input scale is far from those of its layer"),
    INPUT_SCALE_MISSING(
            "input-scale-missing",
            Level.WARNING,
            Level.ERROR,
            "a weight lacks the static input scale that its format has"),
    GROUP_FORMATS_DIFFER(
            "group-formats-differ", Level.WARNING, Level.WARNING, "modules that servers join are stored differently"),
    GROUP_SCALES_DIFFER(
            "group-scales-differ",
            Level.WARNING,
            Level.ERROR,
            "modules that servers join have different weight scales"),
    GROUP_INPUT_SCALES_DIFFER(
            "group-input-scales-differ",
            Level.WARNING,
            Level.WARNING,
            "modules that servers join have different input scales"),
    CACHE_SCALE_MISSING(
            "cache-scale-missing", Level.WARNING, Level.ERROR, "a scale of the key and value cache is not there"),
    CACHE_UNDECLARED(
            "cache-undeclared", Level.WARNING, Level.WARNING, "there are scales of a cache that no config declares"),
    INPUT_FACTORS(
            "input-factors",
            Level.ERROR,
            Level.WARNING,
            "inputs are multiplied by factors of their channels (pre_quant_scale), which few servers read"),
    LAUNCHER_STATE(
            "launcher-state",
            Level.ERROR,
            Level.ERROR,
            "the state for ModelOpt's launcher cannot be loaded, or the configs contradict it"),
    NOT_FINITE("not-finite", Level.ERROR, Level.ERROR, "a tensor holds NaN or infinity"),
    WEIGHT_ZERO("weight-zero", Level.WARNING, Level.WARNING, "a weight is zero throughout"),
    NOTHING_QUANTISED(
            "nothing-quantised", Level.WARNING, Level.ERROR, "an export has no quantised weight and no cache scale"),
    SERVER_REFUSES("server-refuses", Level.ERROR, Level.ERROR, "the server asked for stops at it"),
    SERVER_MISREADS(
            "server-misreads", Level.ERROR, Level.ERROR, "the server asked for computes something else from it"),
    SERVER_CHANGES(
            "server-changes",
            Level.WARNING,
            Level.WARNING,
            "the server asked for makes other numbers of it, near to these"),
    SERVER_IGNORES("server-ignores", Level.WARNING, Level.WARNING, "the server asked for does not read it"),
    MODULE_MISSING(
            "module-missing",
            Level.ERROR,
            Level.ERROR,
            "a module that was planned or is in the source was not written"),
    FORMAT_DIFFERS("format-differs", Level.ERROR, Level.ERROR, "a module was written in another format than planned"),
    CACHE_DIFFERS("cache-differs", Level.ERROR, Level.ERROR, "the declared cache is not the planned one"),
    TENSOR_DIFFERS("tensor-differs", Level.ERROR, Level.ERROR, "what is not quantised is not equal to the source"),
    WEIGHT_UNLIKE("weight-unlike", Level.ERROR, Level.ERROR, "a weight does not resemble the source's"),
    WEIGHT_FAR("weight-far", Level.WARNING, Level.WARNING, "a weight is far from the source's");

    private final String text;
    private final Level checkpoint;
    private final Level export;
    private final String meaning;

    FindingCode(String text, Level checkpoint, Level export, String meaning) {
        this.text = text;
        this.checkpoint = checkpoint;
        this.export = export;
        this.meaning = meaning;
    }

    /// Returns the code in reports.
    public String text() {
        return text;
    }

    /// Returns what is wrong, in a few words.
    public String meaning() {
        return meaning;
    }

    /// Returns how bad this is at most: what is said of tensors that the model does not read is milder.
    ///
    /// @param isExport whether the directory is to be served, rather than calibrated from
    public Level level(boolean isExport) {
        return isExport ? export : checkpoint;
    }
}
