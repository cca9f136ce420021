package io.github.steelyard.recipe;

import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.recipe.CalibrationOptions.Experts;
import io.github.steelyard.recipe.CalibrationOptions.StarvedExperts;
import io.github.steelyard.recipe.CalibrationOptions.UnmatchedRules;
import io.github.steelyard.yaml.Fields;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Node.Mapping;
import io.github.steelyard.yaml.Node.Scalar;
import io.github.steelyard.yaml.Node.ScalarType;
import io.github.steelyard.yaml.Values;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Reads the sections of a recipe.
final class RecipeReader {

    private static final Pattern BYTES = Pattern.compile("([0-9]{1,6})\\s*([KMGT]i?)?B?");

    private RecipeReader() {}

    /// @param file what the recipe is called
    /// @param tree the recipe with imports and settings filled in
    static Recipe recipe(Path file, Mapping tree, List<Setting> settings, List<Path> sources) {
        try (Fields root = Fields.of("", tree)) {
            Fields metadata = root.mapping("metadata")
                    .orElseThrow(() -> new RecipeException(tree.at(), "missing key 'metadata.recipe_type'"));
            String type = recipeType(metadata);
            String description = metadata.text("description").orElse("");
            metadata.close();
            Fields quantize = Fields.of("quantize", root.required("quantize"));
            List<Algorithm> algorithms = algorithms(quantize);
            List<Rule> rules = RuleReader.rules("quantize.quant_cfg", quantize.required("quant_cfg"), file);
            quantize.number("effective_bits");
            quantize.close();
            return new Recipe(
                    file,
                    type,
                    description,
                    algorithms,
                    rules,
                    root.mapping("calibration").map(RecipeReader::calibration).orElse(CalibrationOptions.DEFAULT),
                    root.mapping("data")
                            .map(data -> DataReader.data(data, file))
                            .orElse(DataOptions.DEFAULT),
                    root.mapping("export").map(RecipeReader::export).orElse(ExportOptions.DEFAULT),
                    settings,
                    sources,
                    ResolvedJson.of(tree));
        }
    }

    /// Refuses a recipe whose `recipe_type`, where it is written out, is not one that Steelyard runs.
    static void requireKnownType(Node recipe) {
        if (recipe instanceof Mapping root) {
            Optional.ofNullable(root.entries().get("metadata"))
                    .map(Node.Entry::value)
                    .filter(metadata ->
                            metadata instanceof Mapping keys && keys.entries().containsKey("recipe_type"))
                    .ifPresent(metadata -> recipeType(Fields.of("metadata", metadata)));
        }
    }

    private static String recipeType(Fields metadata) {
        Node node = metadata.required("recipe_type");
        String type = Values.text("metadata.recipe_type", node);
        return switch (type) {
            case "ptq" -> type;
            case "auto_quantize", "speculative_eagle", "speculative_dflash", "speculative_medusa" ->
                throw new RecipeException(
                        node.at(), "metadata.recipe_type: '%s' is not supported; Steelyard runs 'ptq'".formatted(type));
            default ->
                throw new RecipeException(
                        node.at(), "metadata.recipe_type: expected 'ptq', found %s".formatted(node.kind()));
        };
    }

    private static List<Algorithm> algorithms(Fields quantize) {
        if (!quantize.isWritten("algorithm")) {
            return List.of(Algorithm.plain(quantize.at(), Algorithm.Max.DEFAULT));
        }
        return quantize.node("algorithm")
                .map(node -> AlgorithmReader.algorithms("quantize.algorithm", node))
                .orElseGet(() -> List.of(Algorithm.plain(quantize.at(), new Algorithm.None())));
    }

    private static CalibrationOptions calibration(Fields fields) {
        StarvedExperts starved = fields.choice("starved_experts", StarvedExperts.values())
                .orElse(CalibrationOptions.DEFAULT.starvedExperts());
        boolean needsAll = starved == StarvedExperts.ALL_TOKENS;
        Experts experts = fields.choice("experts", Experts.values()).orElse(needsAll ? Experts.ALL : Experts.ROUTED);
        if (needsAll && experts != Experts.ALL) {
            throw new RecipeException(
                    fields.required("experts").at(),
                    "calibration.starved_experts: all_tokens needs calibration.experts: all, found "
                            + experts.name().toLowerCase(Locale.ROOT));
        }
        long minTokens = fields.integer("min_tokens", 0, Long.MAX_VALUE).orElse(CalibrationOptions.DEFAULT.minTokens());
        UnmatchedRules unmatched = fields.choice("unmatched_rules", UnmatchedRules.values())
                .orElse(CalibrationOptions.DEFAULT.unmatchedRules());
        Optional<String> backend = fields.text("moe_backend");
        HistogramOptions histogram =
                fields.mapping("histogram").map(RecipeReader::histogram).orElse(HistogramOptions.DEFAULT);
        Drawing drawing = DrawingReader.drawing(fields, experts, minTokens);
        fields.close();
        return new CalibrationOptions(experts, minTokens, starved, unmatched, backend, histogram, drawing);
    }

    private static HistogramOptions histogram(Fields fields) {
        HistogramOptions.Method method =
                fields.choice("method", HistogramOptions.Method.values()).orElse(HistogramOptions.DEFAULT.method());
        Optional<Node> written = fields.node("percentile");
        if (written.isPresent() && method != HistogramOptions.Method.PERCENTILE) {
            throw new RecipeException(
                    written.get().at(), "%s has no effect: the method is another".formatted(fields.path("percentile")));
        }
        double percentile = fields.number("percentile", Double.MIN_VALUE, 100, HistogramOptions.DEFAULT.percentile());
        fields.close();
        return new HistogramOptions(method, percentile);
    }

    private static ExportOptions export(Fields fields) {
        ExportOptions.Format format = fields.choice("format", ExportOptions.Format.values(), ExportOptions.Format::word)
                .orElse(ExportOptions.DEFAULT.format());
        ExportOptions.Sharing sharing =
                fields.choice("sharing", ExportOptions.Sharing.values()).orElse(ExportOptions.DEFAULT.sharing());
        long shard =
                fields.node("shard_size").map(node -> bytes(fields, node)).orElse(ExportOptions.DEFAULT.shardBytes());
        fields.close();
        return new ExportOptions(format, sharing, shard);
    }

    private static long bytes(Fields fields, Node node) {
        if (node instanceof Scalar scalar && scalar.type() == ScalarType.TEXT) {
            Matcher matcher = BYTES.matcher(scalar.text());
            if (matcher.matches() && matcher.group(2) != null && Long.parseLong(matcher.group(1)) > 0) {
                String unit = matcher.group(2);
                long base = unit.endsWith("i") ? 1024 : 1000;
                long bytes = Long.parseLong(matcher.group(1));
                for (int power = "KMGT".indexOf(unit.charAt(0)); power >= 0; power--) {
                    bytes *= base;
                }
                return bytes;
            }
        }
        throw fields.wrong("shard_size", node, "a size like 5GB or 512MiB");
    }
}
