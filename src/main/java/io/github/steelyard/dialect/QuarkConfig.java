package io.github.steelyard.dialect;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.format.Format;
import java.util.List;
import java.util.Optional;

/// Reads the `quantization_config` of AMD Quark for the formats whose tensors are those of others: FP8 per tensor and
/// channel, and MXFP4.
///
/// Source: QUARK (see `docs/SOURCES.md`).
final class QuarkConfig {

    private QuarkConfig() {}

    static QuantizationConfig parse(ConfigJson json) {
        ModuleRules excluded = new ModuleRules(json.file(), ModuleRules.Names.WITH_CHILDREN);
        Declaration none = Declaration.of(Format.PLAIN, ModelOptConfig.source(json, "exclude"));
        for (String pattern : json.strings("exclude")) {
            if (pattern.startsWith("re:")) {
                excluded.addRegex(pattern, none);
            } else {
                excluded.addGlob(pattern, none);
            }
        }
        ModuleRules assigned = new ModuleRules(json.file(), ModuleRules.Names.WITH_CHILDREN);
        Optional<ConfigJson> layers = json.object("layer_quant_config");
        if (layers.isPresent()) {
            for (String pattern : layers.get().keys()) {
                ConfigJson layer = layers.get()
                        .object(pattern)
                        .orElseThrow(() -> layers.get().unsuitable(pattern, "an object with weight"));
                assigned.addGlob(pattern, declaration(layer));
            }
        }
        ConfigJson global = json.object("global_quant_config")
                .orElseThrow(() -> json.unsuitable("global_quant_config", "an object with weight"));
        return new QuantizationConfig(
                QuantizationConfig.Method.QUARK,
                "",
                excluded,
                assigned,
                Optional.of(declaration(global)),
                cache(json),
                List.of());
    }

    private static Declaration declaration(ConfigJson layer) {
        String source = ModelOptConfig.source(layer, "weight");
        Optional<ConfigJson> weight = layer.object("weight");
        if (weight.isEmpty()) {
            return Declaration.of(Format.PLAIN, source);
        }
        ConfigJson args = weight.get();
        Declaration.Input input = layer.object("input_tensors")
                .map(tensors ->
                        tensors.flag("is_dynamic", false) ? Declaration.Input.DYNAMIC : Declaration.Input.STATIC)
                .orElse(Declaration.Input.NONE);
        String scheme = args.stringOr("qscheme", "per_tensor");
        String dtype = args.stringOr("dtype", "");
        boolean powers = args.stringOr("scale_format", "").equals("e8m0");
        if (dtype.startsWith("fp8_e4m3") && (scheme.equals("per_tensor") || scheme.equals("per_channel"))) {
            Format format = scheme.equals("per_tensor") ? Format.FP8 : Format.FP8_PER_CHANNEL;
            return Declaration.of(format, source).withInput(input);
        }
        if ((dtype.equals("fp4") || dtype.equals("fp4_e2m1")) && scheme.equals("per_group") && powers) {
            return Declaration.of(Format.MXFP4, source)
                    .withInput(input)
                    .withGroupSize(args.integerOr("group_size", 0, 1, 1 << 20));
        }
        throw args.unsuitable("dtype", "fp8_e4m3 per_tensor or per_channel, or fp4 per_group with scale_format e8m0");
    }

    /// Returns the format that the outputs of key projections have: those are the cache.
    private static Optional<String> cache(ConfigJson json) {
        Optional<ConfigJson> cache = json.object("kv_cache_quant_config");
        boolean fp8 = cache.isPresent()
                && cache.get().keys().stream()
                        .flatMap(key -> cache.get().object(key).stream())
                        .flatMap(layer -> layer.object("output_tensors").stream())
                        .anyMatch(output -> output.stringOr("dtype", "").startsWith("fp8"));
        return fp8 ? Optional.of("FP8") : Optional.empty();
    }
}
