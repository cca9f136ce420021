package io.github.steelyard.schema;

import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.AlgorithmReader;
import io.github.steelyard.recipe.CalibrationOptions;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.HistogramOptions;
import io.github.steelyard.recipe.RuleReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;

/// The JSON Schema of recipes, for editors: which keys there are, what they mean, which values they take. What depends
/// on several keys, or on a model, only the program itself checks.
///
/// Names and values come from the readers and records; `RecipeSchemaTest` holds the keys of each mapping against those
/// that its reader knows.
public final class RecipeSchema {

    private static final String AXIS = "^-?[0-9]{1,2}$";

    private RecipeSchema() {}

    /// Returns the schema as a tree of maps, lists, texts, numbers and booleans.
    public static Map<String, Object> tree() {
        Map<String, Object> schema = new LinkedHashMap<>();
        schema.put("$schema", "http://json-schema.org/draft-07/schema#");
        schema.put("title", "Steelyard recipe");
        schema.put(
                "description",
                "What a model's quantizers are, how they are calibrated and written. metadata and quantize are a ModelOpt"
                        + " PTQ recipe.");
        schema.putAll(new Shape()
                .key("imports", imports(), "Names for this file of what it imports, each with a path.")
                .key("metadata", metadata(), "What the file is.")
                .key("quantize", ref("quantize"), "Which quantizers are on, and how they are calibrated.")
                .key("calibration", calibration(), "How statistics are taken. Steelyard's own.")
                .key("data", data(), "What text they are taken on. Steelyard's own.")
                .key("export", export(), "What is written. Steelyard's own.")
                .required("metadata", "quantize"));
        Map<String, Object> definitions = new LinkedHashMap<>();
        definitions.put("quantize", quantize());
        definitions.put("rule", rule());
        definitions.put("attributes", attributes());
        definitions.put("code", code());
        AlgorithmReader.names().forEach(name -> definitions.put(definition(name), algorithm(name)));
        schema.put("definitions", definitions);
        return schema;
    }

    private static Map<String, Object> imports() {
        return map("type", types("object"), "additionalProperties", map("type", "string"));
    }

    private static Map<String, Object> metadata() {
        return new Shape()
                .key("recipe_type", map("const", "ptq"), "The kind of recipe; ModelOpt's others are not run.")
                .key("description", text(), "Free text.")
                .required("recipe_type");
    }

    private static Map<String, Object> quantize() {
        List<Object> algorithms = new ArrayList<>(List.of(map("type", "null"), names()));
        AlgorithmReader.names().forEach(name -> algorithms.add(ref(definition(name))));
        Map<String, Object> one = map("anyOf", algorithms);
        return new Shape()
                .key(
                        "algorithm",
                        map("anyOf", List.of(one, map("type", "array", "items", one, "minItems", 1))),
                        "The calibration algorithm: a name, a mapping with its options, or a list that runs in sequence."
                                + " Null: no calibration.")
                .key(
                        "quant_cfg",
                        map("type", types("array"), "items", ref("rule"), "minItems", 1),
                        "The rules, top to bottom; the last that matches a quantizer decides.")
                .key("effective_bits", bits(), "Read and not used: a cost of ModelOpt's format search.")
                .importing("quant_cfg");
    }

    private static Map<String, Object> names() {
        return map("enum", List.copyOf(AlgorithmReader.names()));
    }

    private static Map<String, Object> rule() {
        return new Shape()
                .key("quantizer_name", text(), "A glob over the whole dotted name of the quantizer.")
                .key(
                        "parent_class",
                        choice(new TreeSet<>(RuleReader.CLASSES)),
                        "Only in modules of this PyTorch class.")
                .key(
                        "cfg",
                        map(
                                "anyOf",
                                List.of(
                                        map("type", "null"),
                                        map("const", RuleReader.AS_STORED),
                                        ref("attributes"),
                                        map("type", "array", "items", ref("attributes")))),
                        "The attributes, which replace all earlier ones; a list for quantizers in sequence; as_stored for"
                                + " what the checkpoint has.")
                .key("enable", flag(), "On or off; true where it is not written.")
                .importing("quantizer_name");
    }

    private static Map<String, Object> attributes() {
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
                .key("calibrator", calibrator(), "max; a histogram is refused.")
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

    private static Map<String, Object> code() {
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
                "anyOf", List.of(map("type", types("integer")), map("type", "array", "items", map("type", "integer"))));
    }

    private static Map<String, Object> algorithm(String name) {
        Shape shape = new Shape().key("method", map("const", name), "The algorithm.");
        AlgorithmSchema.describe(name, shape);
        return shape.importing();
    }

    private static String definition(String algorithm) {
        return "algorithm_" + algorithm;
    }

    private static Map<String, Object> calibration() {
        return new Shape()
                .key(
                        "experts",
                        choice(CalibrationOptions.Experts.values()),
                        "routed: statistics of an expert cover the tokens routed to it; all: every token too, kept apart;"
                                + " top_up: where these are fewer than target_tokens, more sequences are drawn, and in the"
                                + " end other tokens with the nearest router scores count too.")
                .key("target_tokens", integer(1), "Tokens that every expert gets with experts: top_up.")
                .key(
                        "until_converged",
                        new Shape()
                                .key("growth", number(), "No amax has grown by more than this factor.")
                                .key("share", number(), "Over the last sequences that are this share of all.")
                                .required(),
                        "Rounds of sequences are drawn until no amax grows any more.")
                .key("round_sequences", integer(1), "Sequences of a round.")
                .key(
                        "budget",
                        new Shape()
                                .key("tokens", integer(1), "Most tokens that are drawn.")
                                .key("minutes", positive(), "Minutes of work after which no round begins.")
                                .required(),
                        "What rounds may cost; data.max_sequences is the most sequences.")
                .key("min_tokens", integer(0), "An expert with fewer routed tokens is starved.")
                .key(
                        "starved_experts",
                        choice(CalibrationOptions.StarvedExperts.values()),
                        "fail: list them and stop; layer_max: the layer's largest amax; all_tokens: their own over all"
                                + " tokens, at most that.")
                .key(
                        "unmatched_rules",
                        choice(CalibrationOptions.UnmatchedRules.values()),
                        "What a rule does that switches on, matches nothing, and has nothing of its kind on.")
                .key("moe_backend", text(), "How experts are computed, a name of 'backends list'.")
                .key("histogram", histogram(), "How an amax is chosen from a histogram, by quantizers that have one.")
                .required();
    }

    private static Map<String, Object> histogram() {
        return new Shape()
                .key(
                        "method",
                        choice(HistogramOptions.Method.values()),
                        "percentile: the magnitude below which a share lies; mse: the smallest squared error; entropy: the"
                                + " smallest divergence.")
                .key("percentile", positive(), "For method percentile; above 0, at most 100.")
                .required();
    }

    private static Map<String, Object> data() {
        return new Shape()
                .key("path", text(), "The file, relative to the recipe.")
                .key("max_sequences", integer(1), "Most sequences.")
                .key("sequence_length", integer(1), "Most tokens in a sequence.")
                .key(
                        "packing",
                        choice(DataOptions.Packing.values()),
                        "none: one document, one sequence; concatenate: joined and cut into full sequences.")
                .key(
                        "seed",
                        map("type", types("integer")),
                        "Shuffles the documents before they are packed and counted off.")
                .key("add_special_tokens", flag(), "Whether the tokenizer adds what its template says.")
                .required();
    }

    private static Map<String, Object> export() {
        return new Shape()
                .key(
                        "format",
                        choice(Stream.of(ExportOptions.Format.values())
                                .map(ExportOptions.Format::word)
                                .toList()),
                        "A servable directory in one of two layouts, or the scales alone.")
                .key(
                        "sharing",
                        choice(ExportOptions.Sharing.values()),
                        "Whether each expert or each layer has a scale.")
                .key("shard_size", text(), "Largest file: 5GB, 512MiB.")
                .required();
    }

    static Map<String, Object> flag() {
        return map("type", types("boolean"));
    }

    /// ModelOpt writes a number where it dumps what it has read.
    private static Map<String, Object> dumpedFlag() {
        return map("anyOf", List.of(flag(), map("enum", List.of(0, 1))));
    }

    static Map<String, Object> text() {
        return map("type", types("string"));
    }

    static Map<String, Object> integer(int least) {
        return map("type", types("integer"), "minimum", least);
    }

    static Map<String, Object> number() {
        return map("type", types("number"));
    }

    static Map<String, Object> positive() {
        return map("type", types("number"), "exclusiveMinimum", 0);
    }

    static Map<String, Object> anyMapping() {
        return map("type", types("object"));
    }

    private static Map<String, Object> bits() {
        Map<String, Object> bits = new LinkedHashMap<>(positive());
        bits.put("maximum", 16);
        return bits;
    }

    private static Map<String, Object> timing() {
        return choice(List.of("static", "dynamic"));
    }

    private static Map<String, Object> choice(Enum<?>[] values) {
        return choice(Stream.of(values)
                .map(value -> value.name().toLowerCase(Locale.ROOT))
                .toList());
    }

    private static Map<String, Object> choice(Iterable<String> words) {
        List<Object> values = new ArrayList<>();
        words.forEach(values::add);
        return map("anyOf", List.of(map("enum", values), map("type", "null")));
    }

    private static Map<String, Object> ref(String definition) {
        return map("$ref", "#/definitions/" + definition);
    }

    private static List<String> types(String type) {
        return List.of(type, "null");
    }

    /// Returns a map that keeps its order, so that the schema is the same text each time.
    static Map<String, Object> map(Object... keysAndValues) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            map.put((String) keysAndValues[i], keysAndValues[i + 1]);
        }
        return map;
    }

    /// A mapping in the making: its keys, and what else holds of them.
    static final class Shape {

        private final Map<String, Object> keys = new LinkedHashMap<>();

        Shape key(String name, Map<String, Object> type, String description) {
            Map<String, Object> described = new LinkedHashMap<>();
            described.put("description", description);
            described.putAll(type);
            keys.put(name, described);
            return this;
        }

        /// A mapping of these keys and no others.
        Map<String, Object> required(String... names) {
            Map<String, Object> shape = new LinkedHashMap<>();
            shape.put("type", names.length == 0 ? types("object") : "object");
            shape.put("properties", keys);
            shape.put("additionalProperties", false);
            if (names.length > 0) {
                shape.put("required", List.of(names));
            }
            return shape;
        }

        /// A mapping into which others may be imported, which may bring the keys that it must have.
        Map<String, Object> importing(String... names) {
            Map<String, Object> name = map("type", List.of("string", "boolean", "integer")); // as YAML 1.1 reads 'off'
            key(
                    "$import",
                    map("anyOf", List.of(name, map("type", "array", "items", name))),
                    "Names of imports that come first; the keys beside them replace theirs.");
            Map<String, Object> shape = required();
            shape.put("type", "object");
            if (names.length > 0) {
                shape.put("anyOf", List.of(map("required", List.of(names)), map("required", List.of("$import"))));
            }
            return shape;
        }

        /// A mapping with keys that are numbers of axes, too.
        Map<String, Object> withAxes(Map<String, Object> type) {
            Map<String, Object> shape = required();
            shape.put("patternProperties", map(AXIS, type));
            return shape;
        }
    }
}
