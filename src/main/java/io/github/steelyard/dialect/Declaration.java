package io.github.steelyard.dialect;

import io.github.steelyard.format.Format;

/// What a quantization config says about one module, and how directly it says so. The tensors decide what it really is.
///
/// @param format the format of the weight
/// @param groupSize elements of a row that share a block scale as written in the config, 0 if it says nothing
/// @param blockRows rows of a block for [Format#FP8_BLOCK], else 0
/// @param blockColumns columns of a block for [Format#FP8_BLOCK], else 0
/// @param zeroPoints whether integer codes may have zero points
/// @param input how the input of the module is quantised
/// @param inputFactors whether it may be multiplied by factors of its channels before
/// @param how how directly
/// @param source file and key for messages: `hf_quant_config.json: quantization.quantized_layers`
public record Declaration(
        Format format,
        int groupSize,
        int blockRows,
        int blockColumns,
        boolean zeroPoints,
        Input input,
        boolean inputFactors,
        How how,
        String source) {

    /// How a module's input is quantised when it is served.
    public enum Input {
        /// Not at all.
        NONE,
        /// With scales computed from the input itself.
        DYNAMIC,
        /// With a scale that calibration found and the checkpoint holds.
        STATIC,
        /// With such a scale in FP8, under a weight of another format.
        STATIC_FP8
    }

    /// How directly a config speaks of a module.
    public enum How {
        /// By the module's own name or the name of a module that holds it.
        NAMED,
        /// By a pattern.
        PATTERN,
        /// By saying it of all modules that nothing else is said of.
        DEFAULT
    }

    /// Returns a declaration of `format` without sizes, its input quantised as the format implies.
    public static Declaration of(Format format, String source) {
        Input input = switch (format) {
            case FP8, NVFP4, NVFP4_32, INT8 -> Input.STATIC;
            case INT4_FP8 -> Input.STATIC_FP8;
            case FP8_PER_CHANNEL, FP8_BLOCK, FP8_DYNAMIC_TOKEN, FP8_DYNAMIC_GROUP, MXFP8, INT8_DYNAMIC_TOKEN ->
                Input.DYNAMIC;
            case PLAIN, MXFP4, INT4, INT8_PER_CHANNEL, INT8_GROUPS -> Input.NONE;
        };
        return new Declaration(format, 0, 0, 0, false, input, false, How.DEFAULT, source);
    }

    /// Returns the name of weight and input formats together, for people.
    public String label() {
        return switch (format) {
            case PLAIN -> "NONE";
            case FP8_PER_CHANNEL -> "FP8_CHANNEL";
            case NVFP4, NVFP4_32 ->
                switch (input) {
                    case NONE -> "W4A16_NVFP4";
                    case DYNAMIC, STATIC -> "NVFP4";
                    case STATIC_FP8 -> "W4A8_NVFP4_FP8";
                };
            case INT8 -> "INT8_TENSOR";
            case INT8_PER_CHANNEL -> "INT8_CHANNEL";
            case INT8_GROUPS -> "INT8";
            case FP8,
                    FP8_BLOCK,
                    FP8_DYNAMIC_TOKEN,
                    FP8_DYNAMIC_GROUP,
                    MXFP4,
                    MXFP8,
                    INT4,
                    INT4_FP8,
                    INT8_DYNAMIC_TOKEN -> format.name();
        };
    }

    Declaration withGroupSize(int size) {
        return new Declaration(format, size, blockRows, blockColumns, zeroPoints, input, inputFactors, how, source);
    }

    Declaration withBlock(int rows, int columns) {
        return new Declaration(format, groupSize, rows, columns, zeroPoints, input, inputFactors, how, source);
    }

    Declaration withZeroPoints(boolean possible) {
        return new Declaration(format, groupSize, blockRows, blockColumns, possible, input, inputFactors, how, source);
    }

    Declaration withInput(Input kind) {
        return new Declaration(format, groupSize, blockRows, blockColumns, zeroPoints, kind, inputFactors, how, source);
    }

    Declaration withInputFactors(boolean possible) {
        return new Declaration(format, groupSize, blockRows, blockColumns, zeroPoints, input, possible, how, source);
    }

    Declaration said(How directly) {
        return new Declaration(
                format, groupSize, blockRows, blockColumns, zeroPoints, input, inputFactors, directly, source);
    }
}
