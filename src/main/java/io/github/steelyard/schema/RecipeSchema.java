package io.github.steelyard.schema;

import static io.github.steelyard.schema.Types.bits;
import static io.github.steelyard.schema.Types.choice;
import static io.github.steelyard.schema.Types.flag;
import static io.github.steelyard.schema.Types.integer;
import static io.github.steelyard.schema.Types.map;
import static io.github.steelyard.schema.Types.number;
import static io.github.steelyard.schema.Types.orNull;
import static io.github.steelyard.schema.Types.positive;
import static io.github.steelyard.schema.Types.ref;
import static io.github.steelyard.schema.Types.text;

import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.recipe.AlgorithmReader;
import io.github.steelyard.recipe.CalibrationOptions;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.HistogramOptions;
import io.github.steelyard.recipe.RuleReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;

/// The JSON Schema of recipes, for editors: which keys there are, what they mean, which values they take. What depends
/// on several keys, or on a model, only the program itself checks.
///
/// Names and values come from the readers and records; `RecipeSchemaTest` holds the keys of each mapping against those
/// that its reader knows.
public final class RecipeSchema {

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
        definitions.put("attributes", AttributeSchema.attributes());
        definitions.put("code", AttributeSchema.code());
        AlgorithmReader.names().forEach(name -> definitions.put(definition(name), algorithm(name)));
        schema.put("definitions", definitions);
        return schema;
    }

    private static Map<String, Object> imports() {
        return map("type", orNull("object"), "additionalProperties", map("type", "string"));
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
                        "The calibration algorithm: a name, or a mapping with its options; a list of several is refused."
                                + " Null: no calibration.")
                .key(
                        "quant_cfg",
                        map("type", orNull("array"), "items", ref("rule"), "minItems", 1),
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

    private static Map<String, Object> algorithm(String name) {
        Shape shape = new Shape()
                .key(
                        "method",
                        map("const", name),
                        AlgorithmReader.isRun(name) ? "The algorithm." : "Refused: not run by this version.");
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
                .key("path", text(), "A file, a directory or a glob, relative to the recipe.")
                .key(
                        "sources",
                        sources(),
                        "Instead of path: several of these, each with a weight (1) that says how much is drawn of it.")
                .key("max_sequences", integer(1), "Most sequences.")
                .key("sequence_length", integer(1), "Most tokens in a sequence.")
                .key(
                        "packing",
                        choice(DataOptions.Packing.values()),
                        "none: one document, one sequence; concatenate: joined and cut into full sequences.")
                .key(
                        "seed",
                        map("type", orNull("integer")),
                        "Shuffles the documents before they are packed and counted off.")
                .key("add_special_tokens", flag(), "Whether the tokenizer adds what its template says.")
                .required();
    }

    private static Map<String, Object> sources() {
        Map<String, Object> source = new Shape()
                .key("path", map("type", "string"), "A file, a directory or a glob, relative to the recipe.")
                .key("weight", positive(), "How much is drawn of it, next to the others; 1.")
                .required("path");
        return map(
                "type", orNull("array"), "items", map("anyOf", List.of(map("type", "string"), source)), "minItems", 1);
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
}
