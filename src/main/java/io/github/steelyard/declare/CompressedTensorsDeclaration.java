package io.github.steelyard.declare;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.dialect.ModuleFormat;
import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.dialect.TargetNames;
import io.github.steelyard.format.Format;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/// What compressed-tensors says of an export, in `config.json` alone: groups of targets with the arguments of their
/// quantizers, written in full, keys and order as llm-compressor has them.
///
/// Source: COMPRESSED-TENSORS, LLMCOMPRESSOR-BYTES (see `docs/SOURCES.md`).
///
/// @param layers the formats of each quantised module, in the order of the model
/// @param ignored what is not quantised, as [TargetNames#ignored] writes it
/// @param kvCache `FP8`; empty for none
/// @param perHead whether the cache has a scale for each head
public record CompressedTensorsDeclaration(
        SequencedMap<String, ModuleFormat> layers, List<String> ignored, Optional<String> kvCache, boolean perHead)
        implements ExportDeclaration {

    /// Version of compressed-tensors whose layout is written; nobody reads it.
    public static final String VERSION = "0.18.1a20260806";

    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static final String SEVERAL = "mixed-precision";
    private static final String NONE = "dense";
    private static final String OF_WEIGHTS = "memoryless_minmax";
    private static final String OF_INPUTS = "static_minmax";

    public CompressedTensorsDeclaration {
        layers = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(layers));
        ignored = List.copyOf(ignored);
    }

    @Override
    public ObjectNode quantizationConfig() {
        SequencedMap<ModuleFormat, List<String>> targets = TargetNames.targets(layers);
        ObjectNode config = JSON.objectNode();
        ObjectNode groups = config.putObject("config_groups");
        targets.forEach((format, names) -> group(groups.putObject("group_" + groups.size()), format, names));
        List<String> formats = targets.keySet().stream()
                .map(declared -> format(declared.algo()))
                .distinct()
                .toList();
        config.put("format", formats.isEmpty() ? NONE : targets.size() > 1 ? SEVERAL : formats.getFirst());
        config.putNull("global_compression_ratio");
        config.set("ignore", strings(ignored));
        if (kvCache.isPresent()) {
            config.set(
                    "kv_cache_scheme",
                    new Quantizer(8, perHead ? "attn_head" : "tensor")
                            .observed(OF_WEIGHTS)
                            .json());
        } else {
            config.putNull("kv_cache_scheme");
        }
        config.put("quant_method", "compressed-tensors");
        config.put("quantization_status", "compressed");
        config.putObject("sparsity_config");
        config.putObject("transform_config");
        config.put("version", VERSION);
        return config;
    }

    private static void group(ObjectNode group, ModuleFormat declared, List<String> targets) {
        QuantAlgo algo = declared.algo();
        group.put("format", format(algo));
        Optional<Quantizer> input = algo.input().map(CompressedTensorsDeclaration::input);
        if (input.isPresent()) {
            group.set("input_activations", input.get().json());
        } else {
            group.putNull("input_activations");
        }
        group.putNull("output_activations");
        group.set("targets", strings(targets));
        group.set(
                "weights",
                weight(algo.weight(), declared.block()).observed(OF_WEIGHTS).json());
    }

    private static String format(QuantAlgo algo) {
        return switch (algo) {
            case FP8, W8A16_FP8, W8A16_FP8_CHANNEL, FP8_PER_CHANNEL, FP8_BLOCK_DYNAMIC -> "float-quantized";
            case NVFP4, W4A16_NVFP4 -> "nvfp4-pack-quantized";
            case MXFP4, W4A4_MXFP4 -> "mxfp4-pack-quantized";
            case MXFP8 -> "mxfp8-quantized";
            case W4A16_INT -> "pack-quantized";
            case W8A8_INT, W8A8_INT_DYNAMIC, W8A8_INT_TENSOR -> "int-quantized";
            case FP8_BLOCK, NVFP4_AWQ, W4A8_INT, W4A8_NVFP4, W4A8_NVFP4_32, W4A8_MXFP4, W8A16_INT ->
                throw new AssertionError(algo);
        };
    }

    private static Quantizer weight(Format format, int block) {
        return switch (format) {
            case FP8 -> new Quantizer(8, "tensor");
            case FP8_PER_CHANNEL -> new Quantizer(8, "channel");
            case FP8_BLOCK -> new Quantizer(8, "block");
            case NVFP4 -> new Quantizer(4, "tensor_group").grouped(block, "torch.float8_e4m3fn");
            case MXFP4, MXFP8 -> new Quantizer(format.bits(), "group").grouped(block, "torch.uint8");
            case INT4 -> new Quantizer(4, "group").grouped(block, "").integers();
            case INT8 -> new Quantizer(8, "tensor").integers();
            case INT8_PER_CHANNEL -> new Quantizer(8, "channel").integers();
            case PLAIN, FP8_DYNAMIC_TOKEN, FP8_DYNAMIC_GROUP, NVFP4_32, INT4_FP8, INT8_DYNAMIC_TOKEN, INT8_GROUPS ->
                throw new AssertionError(format);
        };
    }

    private static Quantizer input(Format format) {
        return switch (format) {
            case FP8 -> new Quantizer(8, "tensor").observed(OF_INPUTS);
            case FP8_DYNAMIC_TOKEN -> new Quantizer(8, "token").dynamic();
            case FP8_DYNAMIC_GROUP -> new Quantizer(8, "group").grouped(128, "").dynamic();
            case INT8 -> weight(format, 0).observed(OF_INPUTS);
            case INT8_DYNAMIC_TOKEN -> new Quantizer(8, "token").integers().dynamic();
            case NVFP4 -> weight(format, format.block()).observed(OF_INPUTS).local();
            case MXFP4, MXFP8 -> weight(format, format.block()).dynamic();
            case PLAIN, FP8_PER_CHANNEL, FP8_BLOCK, NVFP4_32, INT4, INT4_FP8, INT8_PER_CHANNEL, INT8_GROUPS ->
                throw new AssertionError(format);
        };
    }

    private static ArrayNode strings(List<String> values) {
        ArrayNode array = JSON.arrayNode();
        values.forEach(array::add);
        return array;
    }

    /// When scales are made.
    private enum Timing {
        BEFOREHAND,
        AT_RUN_TIME,
        /// The second level beforehand, those of blocks at run time.
        LOCAL
    }

    /// The arguments of one quantizer.
    ///
    /// @param group elements that share a scale; 0 where it is not so many of a row that do
    /// @param scaleType dtype of the scales of groups; empty for that of the model
    /// @param observer what looked at the values; empty for none
    /// @param type `float` or `int`
    private record Quantizer(
            int bits, String strategy, int group, String scaleType, Timing timing, String observer, String type) {

        Quantizer(int bits, String strategy) {
            this(bits, strategy, 0, "", Timing.BEFOREHAND, "", "float");
        }

        Quantizer grouped(int size, String ofScales) {
            return new Quantizer(bits, strategy, size, ofScales, timing, observer, type);
        }

        Quantizer observed(String name) {
            return new Quantizer(bits, strategy, group, scaleType, timing, name, type);
        }

        Quantizer dynamic() {
            return new Quantizer(bits, strategy, group, scaleType, Timing.AT_RUN_TIME, observer, type);
        }

        Quantizer local() {
            return new Quantizer(bits, strategy, group, scaleType, Timing.LOCAL, observer, type);
        }

        Quantizer integers() {
            return new Quantizer(bits, strategy, group, scaleType, timing, observer, "int");
        }

        ObjectNode json() {
            ObjectNode json = JSON.objectNode();
            json.putNull("actorder");
            if (strategy.equals("block")) {
                json.putArray("block_structure").add(Format.FP8_BLOCK.tile()).add(Format.FP8_BLOCK.tile());
            } else {
                json.putNull("block_structure");
            }
            switch (timing) {
                case BEFOREHAND -> json.put("dynamic", false);
                case AT_RUN_TIME -> json.put("dynamic", true);
                case LOCAL -> json.put("dynamic", "local");
            }
            json.set("group_size", group == 0 ? JSON.nullNode() : JSON.numberNode(group));
            json.put("num_bits", bits);
            json.set("observer", orNull(observer));
            json.putObject("observer_kwargs");
            json.set("scale_dtype", orNull(scaleType));
            json.put("strategy", strategy);
            json.put("symmetric", true);
            json.put("type", type);
            json.putNull("zp_dtype");
            return json;
        }

        private static JsonNode orNull(String text) {
            return text.isEmpty() ? JSON.nullNode() : JSON.textNode(text);
        }
    }
}
