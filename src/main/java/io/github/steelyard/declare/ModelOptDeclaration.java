package io.github.steelyard.declare;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.dialect.ModuleFormat;
import io.github.steelyard.dialect.QuantAlgo;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.Stream;

/// What ModelOpt says of an export. Written twice, as `hf_quant_config.json` and as `quantization_config` of
/// `config.json`; keys, order and values as ModelOpt writes them.
///
/// @param layers the format of each quantised module, in the order of the model
/// @param excluded names of modules that are not quantised, and prefixes of such names followed by `*`; sorted
/// @param kvCache format of the key and value cache, `FP8` or `NVFP4`; empty for none
/// @param producerVersion version of ModelOpt whose layout this is
public record ModelOptDeclaration(
        SequencedMap<String, ModuleFormat> layers,
        List<String> excluded,
        Optional<String> kvCache,
        String producerVersion)
        implements ExportDeclaration {

    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    public ModelOptDeclaration {
        layers = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(layers));
        excluded = List.copyOf(excluded);
    }

    @Override
    public Optional<ObjectNode> separate() {
        return isEmpty() ? Optional.empty() : Optional.of(hfQuantConfig());
    }

    /// Returns the content of `hf_quant_config.json`.
    ObjectNode hfQuantConfig() {
        ObjectNode section = JSON.objectNode();
        section.put("quant_algo", algorithm().orElse(null));
        section.put("kv_cache_quant_algo", kvCache.orElse(null));
        if (formats().size() == 1) {
            putGroupSize(layers.firstEntry().getValue(), section);
            section.set("exclude_modules", strings(excluded.stream()));
        } else {
            section.set("quantized_layers", quantizedLayers());
        }
        ObjectNode file = JSON.objectNode();
        file.set("producer", producer());
        file.set("quantization", section);
        return file;
    }

    @Override
    public ObjectNode quantizationConfig() {
        ObjectNode config = JSON.objectNode();
        Set<ModuleFormat> formats = formats();
        boolean mixed = formats.size() > 1;
        if (mixed || formats.stream().map(ModuleFormat::algo).allMatch(QuantAlgo::hasConfigGroup)) {
            config.set("config_groups", configGroups(formats));
        }
        if (formats.size() != 1) {
            config.set("quantized_layers", quantizedLayers());
        }
        config.set("ignore", strings(formats.size() == 1 ? excluded.stream() : Stream.empty()));
        config.put("quant_algo", algorithm().orElse(null));
        kvCache.ifPresent(format -> {
            if (format.equals("FP8")) {
                config.set("kv_cache_scheme", numbers(8, false));
            } else {
                config.put("kv_cache_scheme", format);
            }
        });
        config.set("producer", producer());
        config.put("quant_method", "modelopt");
        return config;
    }

    private Set<ModuleFormat> formats() {
        return new LinkedHashSet<>(layers.values());
    }

    private Optional<String> algorithm() {
        Set<ModuleFormat> formats = formats();
        return formats.size() > 1
                ? Optional.of("MIXED_PRECISION")
                : formats.stream().map(format -> format.algo().word()).findFirst();
    }

    private ObjectNode quantizedLayers() {
        ObjectNode modules = JSON.objectNode();
        layers.forEach((module, format) -> {
            ObjectNode entry =
                    modules.putObject(module).put("quant_algo", format.algo().word());
            putGroupSize(format, entry);
        });
        return modules;
    }

    private ObjectNode configGroups(Set<ModuleFormat> formats) {
        ObjectNode groups = JSON.objectNode();
        boolean one = formats.size() == 1;
        for (ModuleFormat format : formats) {
            ObjectNode group = groups.putObject("group_" + groups.size());
            describe(format, group);
            Stream<String> members = layers.entrySet().stream()
                    .filter(layer -> layer.getValue().equals(format))
                    .map(Map.Entry::getKey)
                    .sorted();
            group.set("targets", strings(one ? Stream.of("Linear") : members));
        }
        return groups;
    }

    private static void describe(ModuleFormat format, ObjectNode group) {
        switch (format.algo()) {
            case FP8 -> {
                group.set("input_activations", numbers(8, false));
                group.set("weights", numbers(8, false));
            }
            case FP8_PER_CHANNEL -> {
                group.set("input_activations", numbers(8, true).put("strategy", "token"));
                group.set("weights", numbers(8, false).put("strategy", "channel"));
            }
            case NVFP4 -> {
                group.set("input_activations", numbers(4, false).put("group_size", 16));
                group.set("weights", numbers(4, false).put("group_size", 16));
            }
            case FP8_BLOCK -> group.set("weights", numbers(8, false).put("strategy", "block"));
            case MXFP4 -> group.set("weights", numbers(4, false).put("group_size", 32));
            case W4A16_NVFP4 -> group.set("weights", numbers(4, false).put("group_size", 16));
            case MXFP8 -> {
                group.set("input_activations", numbers(8, true).put("group_size", 32));
                group.set("weights", numbers(8, false).put("group_size", 32));
            }
            case W4A16_INT -> group.set("weights", integers(4).put("group_size", format.block()));
            case W4A8_INT, NVFP4_AWQ -> { // eight bits, ModelOpt says of both
                group.set("input_activations", numbers(8, false).put("group_size", format.block()));
                group.set("weights", numbers(4, false).put("group_size", format.block()));
            }
            case W4A8_NVFP4, W4A8_NVFP4_32, W4A8_MXFP4 -> {
                group.set("input_activations", numbers(8, false));
                group.set("weights", numbers(4, false).put("group_size", format.block()));
            }
            case W8A16_INT -> group.set("weights", integers(8));
            case W8A8_INT -> {
                group.set("input_activations", integers(8));
                group.set("weights", integers(8).put("strategy", "channel"));
            }
            case W8A16_FP8, W8A16_FP8_CHANNEL, FP8_BLOCK_DYNAMIC, W4A4_MXFP4, W8A8_INT_DYNAMIC, W8A8_INT_TENSOR ->
                throw new AssertionError(format);
        }
    }

    private static void putGroupSize(ModuleFormat format, ObjectNode object) {
        if (format.block() > 0) {
            object.put("group_size", format.block());
        }
        if (format.algo().hasInputFactors()) {
            object.put("has_zero_point", false);
            object.put(
                    "pre_quant_scale",
                    true); // so ModelOpt says of such an algorithm, whether or not there are such tensors
        }
    }

    private static ObjectNode numbers(int bits, boolean dynamic) {
        return JSON.objectNode().put("dynamic", dynamic).put("num_bits", bits).put("type", "float");
    }

    private static ObjectNode integers(int bits) {
        return numbers(bits, false).put("type", "int");
    }

    private ObjectNode producer() {
        return JSON.objectNode().put("name", "modelopt").put("version", producerVersion);
    }

    private static ArrayNode strings(Stream<String> values) {
        ArrayNode array = JSON.arrayNode();
        values.forEach(array::add);
        return array;
    }
}
