package io.github.steelyard.checkpoint;

import java.util.List;
import java.util.Optional;

/// Reads the `quantization_config` of DeepSeek and Hugging Face FP8, and that of gpt-oss MXFP4: one format for all
/// modules but those listed.
final class Fp8Config {

    private static final int LARGEST_BLOCK = 1 << 20;

    private Fp8Config() {}

    static QuantizationConfig parseFp8(ConfigJson json) {
        String code = json.stringOr("fmt", "e4m3");
        if (!code.equals("e4m3") && !code.equals("float8_e4m3fn")) {
            throw json.unsuitable("fmt", "e4m3");
        }
        boolean fixed = json.stringOr("activation_scheme", "dynamic").equals("static");
        Declaration.Input input = fixed ? Declaration.Input.STATIC : Declaration.Input.DYNAMIC;
        if (!json.has("weight_block_size")) {
            return uniform(
                    json,
                    QuantizationConfig.Method.FP8,
                    Declaration.of(DeclaredFormat.FP8, ModelOptConfig.source(json, "quant_method"))
                            .withInput(input));
        }
        int[] block = block(json, "weight_block_size");
        return uniform(
                json,
                QuantizationConfig.Method.FP8,
                Declaration.of(DeclaredFormat.FP8_BLOCK, ModelOptConfig.source(json, "weight_block_size"))
                        .withBlock(block[0], block[1])
                        .withInput(input));
    }

    static QuantizationConfig parseMxfp4(ConfigJson json) {
        return uniform(
                json,
                QuantizationConfig.Method.MXFP4,
                Declaration.of(DeclaredFormat.MXFP4, ModelOptConfig.source(json, "quant_method")));
    }

    /// Returns rows and columns of a block.
    ///
    /// @throws CheckpointException unless they are two positive integers
    static int[] block(ConfigJson json, String key) {
        List<Integer> block = json.integers(key);
        boolean sound = block.size() == 2 && block.stream().allMatch(extent -> extent > 0 && extent <= LARGEST_BLOCK);
        if (!sound) {
            throw new CheckpointException(
                    json.file(), "%s: wanted [rows, columns] of a block, found %s".formatted(json.path(key), block));
        }
        return new int[] {block.get(0), block.get(1)};
    }

    private static QuantizationConfig uniform(ConfigJson json, QuantizationConfig.Method method, Declaration all) {
        ModuleRules excluded = new ModuleRules(json.file(), true);
        for (String key : List.of("modules_to_not_convert", "ignored_layers")) {
            Declaration none = Declaration.of(DeclaredFormat.NONE, ModelOptConfig.source(json, key));
            json.strings(key).forEach(pattern -> excluded.addGlob(pattern, none));
        }
        return new QuantizationConfig(
                method,
                "",
                excluded,
                new ModuleRules(json.file(), true),
                Optional.of(all),
                Optional.empty(),
                List.of());
    }
}
