package io.github.steelyard.dialect;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.format.Format;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// Reads ModelOpt's config in its two forms: `hf_quant_config.json`, and `quantization_config` of `config.json`.
///
/// Source: MODELOPT (see `docs/SOURCES.md`).
final class ModelOptConfig {

    private static final int LARGEST_GROUP = 1 << 20;
    private static final Set<String> FP8_INPUTS = Set.of("W4A8_AWQ", "W4A8_NVFP4_FP8", "W4A8_MXFP4_FP8");
    private static final Set<String> INPUT_FACTORS = Set.of("NVFP4_AWQ", "W4A16_AWQ", "W4A8_AWQ");
    private static final Set<String> WEIGHT_ONLY = Set.of("FP8_PB_WO", "W4A16_NVFP4");
    // ModelOpt's module names of Nemotron-H end with this when its own name mapping fails.
    private static final String SENTINEL = ".\0";

    private ModelOptConfig() {}

    static QuantizationConfig parse(ConfigJson root) {
        ConfigJson json = root.object("quantization").orElse(root);
        String producer = root.object("producer")
                .map(by -> (by.stringOr("name", "") + " " + by.stringOr("version", "")).strip())
                .orElse("");
        if (!json.has("quant_algo") && json.has("config_groups")) {
            return CompressedTensorsConfig.parse(json, QuantizationConfig.Method.MODELOPT, producer);
        }
        return new QuantizationConfig(
                QuantizationConfig.Method.MODELOPT,
                producer,
                excluded(json),
                assigned(json),
                Optional.of(others(json)),
                kvCache(json),
                List.of());
    }

    private static Declaration others(ConfigJson json) {
        String source = source(json, "quant_algo");
        if (!json.has("quant_algo") || json.string("quant_algo").equals("MIXED_PRECISION")) {
            return Declaration.of(Format.PLAIN, source);
        }
        return declaration(json, "quant_algo", source);
    }

    /// Returns what the name of an algorithm under `key` says.
    static Declaration declaration(ConfigJson json, String key, String source) {
        int group = json.integerOr("group_size", 0, 0, LARGEST_GROUP);
        String word = json.string(key).toUpperCase(Locale.ROOT);
        Format format = format(json, key, group);
        // ModelOpt has names of its own for integers, and messages speak in them too.
        Declaration declared = Declaration.of(
                        format, format.coding() == Format.Coding.INTEGERS ? "%s '%s'".formatted(source, word) : source)
                .withGroupSize(group)
                .withInputFactors(INPUT_FACTORS.contains(word));
        return WEIGHT_ONLY.contains(word)
                ? declared.withInput(Declaration.Input.NONE)
                : FP8_INPUTS.contains(word)
                        ? declared.withInput(Declaration.Input.STATIC_FP8)
                        : word.equals("W8A8_SQ_PER_CHANNEL") ? declared.withInput(Declaration.Input.STATIC) : declared;
    }

    private static ModuleRules excluded(ConfigJson json) {
        ModuleRules rules = new ModuleRules(json.file(), ModuleRules.Names.WITH_CHILDREN);
        for (String key : List.of("exclude_modules", "ignore")) {
            Declaration none = Declaration.of(Format.PLAIN, source(json, key));
            for (String pattern : json.strings(key)) {
                int sentinel = pattern.indexOf(SENTINEL);
                rules.addGlob(sentinel > 0 ? pattern.substring(0, sentinel) : pattern, none);
            }
        }
        return rules;
    }

    private static ModuleRules assigned(ConfigJson json) {
        ModuleRules rules = new ModuleRules(json.file(), ModuleRules.Names.WITH_CHILDREN);
        Optional<ConfigJson> layers = json.object("quantized_layers");
        if (layers.isEmpty()) {
            return rules;
        }
        String source = source(json, "quantized_layers");
        for (String module : layers.get().keys()) {
            ConfigJson layer = layers.get()
                    .object(module)
                    .orElseThrow(() -> layers.get().unsuitable(module, "an object with quant_algo"));
            rules.addGlob(
                    module,
                    layer.has("quant_algo")
                            ? declaration(layer, "quant_algo", source)
                            : Declaration.of(Format.PLAIN, source));
        }
        return rules;
    }

    private static Format format(ConfigJson json, String key, int group) {
        return switch (json.string(key).toUpperCase(Locale.ROOT)) {
            case "FP8" -> Format.FP8;
            case "FP8_PER_CHANNEL_PER_TOKEN", "FP8_PC_PT" -> Format.FP8_PER_CHANNEL;
            case "FP8_PB_WO", "FP8_PB_REAL" -> Format.FP8_BLOCK;
            case "NVFP4", "NVFP4_AWQ", "W4A16_NVFP4", "W4A8_NVFP4_FP8" ->
                group == Format.NVFP4_32.block() ? Format.NVFP4_32 : Format.NVFP4;
            case "W4A8_AWQ" -> Format.INT4_FP8;
            case "MXFP4", "W4A8_MXFP4_FP8" -> Format.MXFP4;
            case "MXFP8" -> Format.MXFP8;
            case "W4A16_AWQ" -> Format.INT4;
            case "W8A16", "W8A8_SQ_PER_CHANNEL" -> Format.INT8_PER_CHANNEL;
            default ->
                throw json.unsuitable(
                        key,
                        "a known quant_algo (FP8, FP8_PER_CHANNEL_PER_TOKEN, FP8_PB_WO, NVFP4, NVFP4_AWQ, W4A16_NVFP4, MXFP4, "
                                + "W4A8_MXFP4_FP8, MXFP8, W4A16_AWQ, W4A8_AWQ, W4A8_NVFP4_FP8, W8A16, W8A8_SQ_PER_CHANNEL, or MIXED_PRECISION for the whole model)");
        };
    }

    private static Optional<String> kvCache(ConfigJson json) {
        if (json.has("kv_cache_quant_algo")) {
            return kvAlgorithm(json, "kv_cache_quant_algo");
        }
        if (json.isString("kv_cache_scheme")) {
            return kvAlgorithm(json, "kv_cache_scheme");
        }
        return json.object("kv_cache_scheme").map(ModelOptConfig::kvScheme);
    }

    private static Optional<String> kvAlgorithm(ConfigJson json, String key) {
        String name = json.string(key).toUpperCase(Locale.ROOT);
        return switch (name) {
            case "NONE", "AUTO" -> Optional.empty();
            case "FP8", "FP8_AFFINE", "INT8", "NVFP4", "NVFP4_AFFINE", "NVFP4_ROTATE" -> Optional.of(name);
            default -> throw json.unsuitable(key, "a known KV-cache format (FP8, INT8, NVFP4, NVFP4_AFFINE)");
        };
    }

    /// Returns the format that a `kv_cache_scheme` object describes.
    static String kvScheme(ConfigJson scheme) {
        int bits = scheme.integer("num_bits", 1, 64);
        String type = scheme.stringOr("type", "float");
        if (type.equals("float") && bits == 8) {
            return "FP8";
        }
        if (type.equals("float") && bits == 4) {
            return "NVFP4";
        }
        if (type.equals("int") && bits == 8) {
            return "INT8";
        }
        throw scheme.unsuitable("num_bits", "8 or 4 bits of type float, or 8 of type int");
    }

    /// Returns file and key for messages.
    static String source(ConfigJson json, String key) {
        return "%s: %s".formatted(json.file().getFileName(), json.path(key));
    }
}
