package io.github.steelyard.dialect;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.format.Format;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// Reads the `quantization_config` of AutoRound for the formats whose tensors are those of others: FP8 as DeepSeek
/// names it, MX and NVFP4 as compressed-tensors does. Its integers are GPTQ's or AWQ's tensors, which are not read.
///
/// Source: AUTOROUND (see `docs/SOURCES.md`).
final class AutoRoundConfig {

    private static final int PLAIN_BITS = 16;
    private static final int LARGEST_GROUP = 1 << 20;

    private AutoRoundConfig() {}

    static QuantizationConfig parse(ConfigJson json) {
        ModuleRules assigned = new ModuleRules(json.file(), ModuleRules.Names.WITH_CHILDREN);
        Optional<ConfigJson> extra = json.object("extra_config");
        if (extra.isPresent()) {
            for (String module : extra.get().keys()) {
                extra.get().object(module).ifPresent(layer -> assigned.addGlob(module, declaration(layer, json)));
            }
        }
        ModuleRules excluded = new ModuleRules(json.file(), ModuleRules.Names.ANYWHERE);
        Declaration none = Declaration.of(Format.PLAIN, ModelOptConfig.source(json, "block_name_to_quantize"));
        if (!json.flag("quant_lm_head", false)) {
            excluded.addGlob("lm_head", none);
        }
        for (String module : json.strings("modules_to_not_convert")) {
            excluded.addGlob(module, none);
        }
        String version = json.stringOr("autoround_version", "");
        return new QuantizationConfig(
                QuantizationConfig.Method.AUTO_ROUND,
                version.isEmpty() ? "" : "auto-round " + version,
                excluded,
                assigned,
                Optional.of(declaration(json, json)),
                Optional.empty(),
                List.of());
    }

    /// Returns what `layer` says; what it leaves out the whole config says.
    private static Declaration declaration(ConfigJson layer, ConfigJson whole) {
        String source = ModelOptConfig.source(layer, "data_type");
        int bits = layer.integerOr("bits", whole.integerOr("bits", 0, 0, 64), 0, 64);
        if (bits >= PLAIN_BITS) {
            return Declaration.of(Format.PLAIN, source);
        }
        String type =
                layer.stringOr("data_type", whole.stringOr("data_type", "int")).toLowerCase(Locale.ROOT);
        int inputBits = layer.integerOr("act_bits", whole.integerOr("act_bits", PLAIN_BITS, 0, 64), 0, 64);
        boolean dynamic = layer.flag("act_dynamic", whole.flag("act_dynamic", true));
        Declaration.Input input = inputBits >= PLAIN_BITS
                ? Declaration.Input.NONE
                : dynamic ? Declaration.Input.DYNAMIC : Declaration.Input.STATIC;
        if (type.startsWith("nv_fp") && bits == 4) {
            Declaration declared = Declaration.of(Format.NVFP4, source).withGroupSize(groupSize(whole));
            return input == Declaration.Input.NONE ? declared.withInput(input) : declared;
        }
        if (type.startsWith("mx_fp")) {
            return Declaration.of(bits == 4 ? Format.MXFP4 : Format.MXFP8, source)
                    .withInput(input)
                    .withGroupSize(groupSize(whole));
        }
        if (type.startsWith("fp") && bits == 8) {
            return fp8(whole, source).withInput(input);
        }
        throw layer.unsuitable(
                "data_type",
                "fp8, mx_fp or nv_fp; the integers of auto-round (GPTQ's and AWQ's tensors) cannot be read");
    }

    private static Declaration fp8(ConfigJson json, String source) {
        String key = json.has("weight_block_size") ? "weight_block_size" : "group_size";
        if (json.isArray(key)) {
            int[] block = Fp8Config.block(json, key);
            return Declaration.of(Format.FP8_BLOCK, source).withBlock(block[0], block[1]);
        }
        int group = json.integerOr("group_size", 0, -1, LARGEST_GROUP);
        return Declaration.of(group == -1 ? Format.FP8_PER_CHANNEL : Format.FP8, source);
    }

    private static int groupSize(ConfigJson json) {
        return json.isArray("group_size") ? 0 : Math.max(0, json.integerOr("group_size", 0, -1, LARGEST_GROUP));
    }
}
