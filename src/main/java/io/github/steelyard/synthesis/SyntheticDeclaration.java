package io.github.steelyard.synthesis;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.weights.FusedStack;
import java.util.Optional;
import java.util.TreeSet;

/// What a synthetic checkpoint says of its formats, in the form in which checkpoints of that format are published.
///
/// @param decoder the model
/// @param format how its linear layers are stored
record SyntheticDeclaration(Decoder decoder, SyntheticFormat format) {

    /// Returns `config` with the `quantization_config` of this format, or without one.
    ConfigJson in(ConfigJson config) {
        return config.with(root -> {
            root.remove("quantization_config");
            ConfigJson.textModelOf(root).remove("quantization_config");
            if (isPublishers()) {
                fill(root.putObject("quantization_config"));
            }
        });
    }

    /// Returns whether the publishers' own config keys describe the format, rather than ModelOpt's.
    private boolean isPublishers() {
        boolean fused =
                decoder.modules().stream().anyMatch(module -> module.stacked().isPresent());
        return format == SyntheticFormat.FP8_BLOCK || (format == SyntheticFormat.MXFP4 && fused);
    }

    private void fill(ObjectNode declared) {
        if (format == SyntheticFormat.FP8_BLOCK) {
            declared.put("quant_method", "fp8").put("fmt", "e4m3").put("activation_scheme", "dynamic");
            declared.putArray("weight_block_size").add(128).add(128);
        } else {
            declared.put("quant_method", "mxfp4");
        }
        TreeSet<String> plain = new TreeSet<>();
        decoder.modules().stream()
                .filter(module -> module.kind() != ModuleInfo.Kind.ATTENTION
                        && format.of(module).isEmpty())
                .forEach(module -> plain.add(module.name()));
        var names = declared.putArray("modules_to_not_convert");
        plain.forEach(names::add);
    }

    /// Returns `hf_quant_config.json` in ModelOpt's form, every module by name; empty where there is none.
    Optional<String> hfQuantConfig() {
        if (format == SyntheticFormat.BF16 || isPublishers()) {
            return Optional.empty();
        }
        ObjectNode root = new JsonMapper().createObjectNode();
        root.putObject("producer").put("name", "modelopt").put("version", "synthetic");
        ObjectNode quantization = root.putObject("quantization");
        quantization.put("quant_algo", "MIXED_PRECISION").putNull("kv_cache_quant_algo");
        ObjectNode layers = quantization.putObject("quantized_layers");
        for (ModuleInfo module : decoder.modules()) {
            Optional<QuantAlgo> algo =
                    module.kind() == ModuleInfo.Kind.ATTENTION ? Optional.empty() : format.of(module);
            if (algo.isPresent()) {
                String name = module.stacked()
                        .map(place -> place.stack())
                        .map(FusedStack::owner)
                        .orElse(module.name());
                ObjectNode layer =
                        layers.putObject(name).put("quant_algo", algo.get().name());
                int block = algo.get().weight().block();
                if (block > 0) {
                    layer.put("group_size", block);
                }
            }
        }
        return Optional.of(root.toPrettyString() + "\n");
    }
}
