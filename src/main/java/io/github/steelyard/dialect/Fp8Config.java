package io.github.steelyard.dialect;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.format.Format;
import java.util.List;
import java.util.Optional;

/// Reads the `quantization_config` of publishers: FP8 of DeepSeek and Hugging Face, MXFP8, and MXFP4 of gpt-oss. One
/// format for all modules but those listed.
///
/// Source: TRANSFORMERS, VLLM for the lists (see `docs/SOURCES.md`).
final class Fp8Config {

    private static final int LARGEST_BLOCK = 1 << 20;
    private static final int MX_BLOCK = 32;
    private static final String ROUTED_EXPERTS = "*.experts.*";

    private Fp8Config() {}

    static QuantizationConfig parseFp8(ConfigJson json) {
        String code = json.stringOr("fmt", "e4m3");
        if (!code.equals("e4m3") && !code.equals("float8_e4m3fn")) {
            throw json.unsuitable("fmt", "e4m3");
        }
        return uniform(json, QuantizationConfig.Method.FP8, fp8(json).withInput(input(json)));
    }

    private static Declaration fp8(ConfigJson json) {
        if (!json.has("weight_block_size")) {
            return Declaration.of(Format.FP8, ModelOptConfig.source(json, "quant_method"));
        }
        String source = ModelOptConfig.source(json, "weight_block_size");
        int[] block = block(json, "weight_block_size");
        boolean powers = json.stringOr("scale_fmt", "").equals("ue8m0");
        return powers && block[0] == 1 && block[1] == MX_BLOCK
                ? Declaration.of(Format.MXFP8, source).withGroupSize(MX_BLOCK)
                : Declaration.of(Format.FP8_BLOCK, source).withBlock(block[0], block[1]);
    }

    private static Declaration.Input input(ConfigJson json) {
        return json.stringOr("activation_scheme", "dynamic").equals("static")
                ? Declaration.Input.STATIC
                : Declaration.Input.DYNAMIC;
    }

    static QuantizationConfig parseMxfp8(ConfigJson json) {
        return uniform(
                json,
                QuantizationConfig.Method.MXFP8,
                Declaration.of(Format.MXFP8, ModelOptConfig.source(json, "quant_method")));
    }

    static QuantizationConfig parseMxfp4(ConfigJson json) {
        return uniform(
                json,
                QuantizationConfig.Method.MXFP4,
                Declaration.of(Format.MXFP4, ModelOptConfig.source(json, "quant_method")));
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

    /// Returns a config that says `all` of every module but those in the publishers' lists; `moe_quant_algo` speaks of
    /// the routed experts alone.
    static QuantizationConfig uniform(ConfigJson json, QuantizationConfig.Method method, Declaration all) {
        ModuleRules excluded = new ModuleRules(json.file(), ModuleRules.Names.ANYWHERE);
        for (String key : List.of("modules_to_not_convert", "ignored_layers")) {
            Declaration none = Declaration.of(Format.PLAIN, ModelOptConfig.source(json, key));
            for (String pattern : json.strings(key)) {
                if (pattern.startsWith("re:")) {
                    excluded.addRegex(pattern, none);
                } else {
                    excluded.addGlob(pattern, none);
                }
            }
        }
        ModuleRules assigned = new ModuleRules(json.file(), ModuleRules.Names.WITH_CHILDREN);
        if (json.has("moe_quant_algo")) {
            String source = ModelOptConfig.source(json, "moe_quant_algo");
            assigned.addGlob(ROUTED_EXPERTS, ModelOptConfig.declaration(json, "moe_quant_algo", source));
        }
        return new QuantizationConfig(method, "", excluded, assigned, Optional.of(all), Optional.empty(), List.of());
    }
}
