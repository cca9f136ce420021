package io.github.steelyard.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.AlgorithmReader;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.recipe.RecipeException;
import io.github.steelyard.recipe.ResolvedJson;
import io.github.steelyard.recipe.Setting;
import io.github.steelyard.report.Json;
import io.github.steelyard.testing.SchemaCheck;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.YamlFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// The schema for editors says what the readers do.
final class RecipeSchemaTest {

    private static final Path FILE = Path.of("docs/recipe.schema.json");
    private static final JsonNode SCHEMA = io.github.steelyard.testing.Json.parse(Json.text(RecipeSchema.tree()));
    private static final String RECIPE = """
            metadata: {recipe_type: ptq}
            quantize:
              algorithm: {method: max}
              quant_cfg:
                - {quantizer_name: '*', cfg: {num_bits: e4m3, block_sizes: {-1: 16}, bias: {-1: null}, rotate: {}}}
            data: {sources: [{path: a.jsonl}]}
            """;

    // After a change: scripts/steelyard recipes schema > docs/recipe.schema.json
    @Test
    void file_isWhatTheProgramPrints() throws IOException {
        assertThat(Files.readString(FILE)).isEqualTo(Json.text(RecipeSchema.tree()) + "\n");
    }

    static Stream<String> methods() {
        return AlgorithmReader.names().stream();
    }

    @ParameterizedTest
    @MethodSource("methods")
    void algorithm_hasTheKeysOfItsReader(String method) {
        String known = known("quantize.algorithm.zzz=1", "quantize.algorithm={method: %s}".formatted(method));

        assertThat(keys("/definitions/algorithm_" + method)).containsExactlyElementsOf(words(known));
    }

    @ParameterizedTest
    @MethodSource("methods")
    void algorithm_isCalledRefusedWhereAPlanRefusesIt(String method) {
        Recipe recipe = parse("quantize.algorithm={method: %s}".formatted(method));
        String said = SCHEMA.at("/definitions/algorithm_%s/properties/method/description".formatted(method))
                .textValue();

        assertThat(said.startsWith("Refused"))
                .isEqualTo(catchThrowableOfType(RecipeException.class, () -> Plan.algorithmWarnings(recipe)) != null);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "zzz                                        | ",
                "metadata.zzz                               | /properties/metadata",
                "quantize.zzz                               | /definitions/quantize",
                "quantize.quant_cfg[0].zzz                  | /definitions/rule",
                "quantize.quant_cfg[0].cfg.zzz              | /definitions/attributes",
                "quantize.quant_cfg[0].cfg.block_sizes.zzz  | /definitions/attributes/properties/block_sizes",
                "quantize.quant_cfg[0].cfg.bias.zzz         | /definitions/attributes/properties/bias",
                "quantize.quant_cfg[0].cfg.rotate.zzz       | /definitions/attributes/properties/rotate/anyOf/1",
                "quantize.algorithm.layerwise.zzz           | /definitions/algorithm_max/properties/layerwise",
                "quantize.algorithm.shared_states.zzz       | /definitions/algorithm_max/properties/shared_states",
                "quantize.algorithm.shared_states.weight_global_amax.zzz | /definitions/algorithm_max/properties/shared_states/properties/weight_global_amax",
                "calibration.zzz                            | /properties/calibration",
                "calibration.until_converged.zzz            | /properties/calibration/properties/until_converged",
                "calibration.budget.zzz                     | /properties/calibration/properties/budget",
                "calibration.histogram.zzz                  | /properties/calibration/properties/histogram",
                "data.zzz                                   | /properties/data",
                "data.sources[0].zzz                        | /properties/data/properties/sources/items/anyOf/1",
                "export.zzz                                 | /properties/export",
            })
    void mapping_hasTheKeysOfItsReader(String key, String place) {
        Set<String> known = words(known(key + "=1"));

        assertThat(keys(place == null ? "" : place))
                .containsExactlyElementsOf(
                        known.stream().filter(name -> !name.equals("-1")).toList());
    }

    // A word that the schema offers is one that the reader takes.
    @ParameterizedTest
    @CsvSource({
        "calibration.experts, /properties/calibration/properties/experts",
        "calibration.starved_experts, /properties/calibration/properties/starved_experts",
        "calibration.unmatched_rules, /properties/calibration/properties/unmatched_rules",
        "calibration.histogram.method, /properties/calibration/properties/histogram/properties/method",
        "data.packing, /properties/data/properties/packing",
        "export.format, /properties/export/properties/format",
        "export.sharing, /properties/export/properties/sharing",
        "quantize.quant_cfg[0].parent_class, /definitions/rule/properties/parent_class",
        "quantize.quant_cfg[0].cfg.type, /definitions/attributes/properties/type",
        "quantize.quant_cfg[0].cfg.calibrator, /definitions/attributes/properties/calibrator/anyOf/0",
        "quantize.quant_cfg[0].cfg.trt_high_precision_dtype, /definitions/attributes/properties/trt_high_precision_dtype",
    })
    void words_areThoseOfTheReader(String key, String place) {
        List<String> words = new ArrayList<>();
        SCHEMA.at(place).path("anyOf").path(0).path("enum").forEach(word -> words.add(word.textValue()));

        assertThat(words)
                .isNotEmpty()
                .allSatisfy(word -> assertThat(parse(key + "=" + word)).isNotNull());
        assertThat(catchThrowableOfType(RecipeException.class, () -> parse(key + "=zzz")))
                .hasMessageContaining(words.getFirst());
    }

    @Test
    void shippedRecipes_satisfyTheSchema_andNameIt() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("configs/recipes"))) {
            assertThat(files.sorted().toList()).hasSizeGreaterThan(15).allSatisfy(file -> {
                assertThat(Files.readAllLines(file))
                        .first()
                        .isEqualTo("# yaml-language-server: $schema=../../docs/recipe.schema.json");
                assertThat(faults(file)).as(file.toString()).isEmpty();
            });
        }
    }

    @Test
    void conformanceRecipes_satisfyTheSchema_andBadOnesDoNot() throws IOException {
        Path recipes = Shared.path("conformance/recipes");
        for (String name : List.of("constant", "imported", "override", "plain", "sequence")) {
            assertThat(faults(recipes.resolve(name + ".yaml"))).as(name).isEmpty();
        }
        for (String name : List.of("no_quantize", "no_type", "unknown_key")) {
            assertThat(faults(recipes.resolve("bad/" + name + ".yaml")))
                    .as(name)
                    .isNotEmpty();
        }
    }

    private static List<String> faults(Path file) {
        Node root = YamlFile.read(file, "a recipe").document("a recipe");
        return SchemaCheck.faults(SCHEMA, io.github.steelyard.testing.Json.parse(ResolvedJson.of(root)));
    }

    private static Recipe parse(String... settings) {
        return Recipe.parse(
                Path.of("r.yaml"),
                RECIPE,
                Arrays.stream(settings).map(Setting::new).toList());
    }

    /// Returns the keys that the reader of a mapping with an unknown key says that it knows.
    private static String known(String setting, String... others) {
        List<String> settings = new ArrayList<>(List.of(others));
        settings.add(setting);
        RecipeException refusal =
                catchThrowableOfType(RecipeException.class, () -> parse(settings.toArray(String[]::new)));
        assertThat(refusal).hasMessageContaining("unknown key 'zzz'");
        return refusal.getMessage().replaceAll(".*; known are ", "");
    }

    private static Set<String> words(String known) {
        return new TreeSet<>(List.of(known.split(", ", -1)));
    }

    private static Set<String> keys(String place) {
        Set<String> keys = new TreeSet<>();
        SCHEMA.at(place).path("properties").fieldNames().forEachRemaining(keys::add);
        keys.removeAll(Set.of("$import", "imports"));
        return keys;
    }
}
