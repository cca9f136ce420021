package io.github.steelyard.schema;

import static io.github.steelyard.schema.Types.anyMapping;
import static io.github.steelyard.schema.Types.bits;
import static io.github.steelyard.schema.Types.choice;
import static io.github.steelyard.schema.Types.dumpedFlag;
import static io.github.steelyard.schema.Types.flag;
import static io.github.steelyard.schema.Types.integer;
import static io.github.steelyard.schema.Types.map;
import static io.github.steelyard.schema.Types.orNull;
import static io.github.steelyard.schema.Types.positive;
import static io.github.steelyard.schema.Types.ref;
import static io.github.steelyard.schema.Types.text;
import static io.github.steelyard.schema.Types.timing;

import io.github.steelyard.quant.QuantizerConfig;
import java.util.List;
import java.util.Map;

/// The attributes of a quantizer, for [RecipeSchema].
final class AttributeSchema {

    private AttributeSchema() {}

    /// Returns the mapping of a quantizer's attributes.
    static Map<String, Object> attributes() {
        return new Shape()
                .key(
                        "num_bits",
                        ref("code"),
                        "The element code: e4m3, e2m1, …, a pair of exponent and mantissa bits, or"
                                + " the bits of an integer.")
                .key("axis", axes(), "Axes that keep a scale of their own for each index; excludes block_sizes.")
                .key("block_sizes", blockSizes(), "Elements that share a scale, by axis, -1 the last.")
                .key("type", timing(), "static, or dynamic: all scales at run time.")
                .key("constant_amax", positive(), "The amax, instead of a measured one.")
                .key("use_constant_amax", flag(), "Amax 448, which is scale 1 for FP8.")
                .key("enable", flag(), "true; write false beside cfg.")
                .key("bias", bias(), "Refused where it is on: affine quantizers are not written.")
                .key("rotate", rotate(), "Refused where it is on: rotations are not applied.")
                .key("calibrator", calibrator(), "max, or histogram: an amax is chosen as calibration.histogram says.")
                .key("fake_quant", flag(), "true; false is refused.")
                .key("unsigned", flag(), "false; true is refused.")
                .key("narrow_range", flag(), "false; true is refused.")
                .key("learn_amax", flag(), "false.")
                .key("pass_through_bwd", flag(), "No effect: for training.")
                .key("effective_bits", bits(), "No effect: a cost of ModelOpt's format search.")
                .key(
                        "trt_high_precision_dtype",
                        choice(List.of("Float", "Half", "BFloat16")),
                        "No effect: for another exporter.")
                .key("backend", text(), "Refused: it names code of ModelOpt.")
                .key("backend_extra_args", anyMapping(), "Refused: it is for code of ModelOpt.")
                .importing();
    }

    private static Map<String, Object> blockSizes() {
        return new Shape()
                .key("type", timing(), "static: block scales are stored; dynamic: they are made from the block.")
                .key("scale_bits", ref("code"), "The code of a block scale; none: float32.")
                .key("four_over_six", dumpedFlag(), "Whether a block may end at code 4 instead of 6.")
                .key("scale_block_sizes", anyMapping(), "Refused: scales of scales are as the format says.")
                .withAxes(integer(1));
    }

    private static Map<String, Object> bias() {
        return new Shape()
                .key("type", timing(), "When the bias is taken.")
                .key("method", choice(List.of("mean", "max_min")), "How the bias is taken.")
                .withAxes(map());
    }

    private static Map<String, Object> rotate() {
        Map<String, Object> mapping = new Shape()
                .key("enable", flag(), "Whether inputs are rotated.")
                .key("mode", choice(List.of("rotate", "rotate_back")), "Whether the rotation is undone afterwards.")
                .key("rotate_fp32", flag(), "Whether the rotation is computed in float32.")
                .key("block_size", integer(1), "The size of a rotation's block.")
                .required();
        return map("anyOf", List.of(flag(), mapping));
    }

    private static Map<String, Object> calibrator() {
        return map("anyOf", List.of(choice(List.of("max", "histogram")), map("type", List.of("object", "array"))));
    }

    /// Returns the codes of elements and of block scales.
    static Map<String, Object> code() {
        List<Object> forms = List.of(
                map("type", "null"),
                map("enum", QuantizerConfig.codes()),
                map("type", "string", "pattern", "^[eE][0-9][mM][0-9]$"),
                map("type", "integer", "minimum", 1, "maximum", 64),
                map("type", "array", "items", map("type", "integer"), "minItems", 2, "maxItems", 2));
        return map("anyOf", forms);
    }

    private static Map<String, Object> axes() {
        return map(
                "anyOf",
                List.of(map("type", orNull("integer")), map("type", "array", "items", map("type", "integer"))));
    }
}
