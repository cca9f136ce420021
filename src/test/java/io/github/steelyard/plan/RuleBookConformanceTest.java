package io.github.steelyard.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.steelyard.format.Format;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.recipe.RecipeException;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The `recipe.*` cases of the reference vectors.
final class RuleBookConformanceTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Map<String, String> CFG = Map.of(
            "nvfp4", "{num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}}",
            "fp8", "{num_bits: e4m3}");

    @ParameterizedTest
    @ValueSource(strings = {"recipe.order", "recipe.enable_only_keeps_cfg"})
    void decide_orderedRules_givesTheLastMatch(String id) throws IOException {
        JsonNode test = vector(id);
        StringBuilder yaml = new StringBuilder("metadata: {recipe_type: ptq}\nquantize:\n  quant_cfg:\n");
        for (JsonNode rule : test.at("/input/rules")) {
            yaml.append("    - {quantizer_name: '%s', enable: %s%s}\n"
                    .formatted(
                            rule.get(0).asText(),
                            rule.get(1).asBoolean(),
                            rule.get(2).isNull()
                                    ? ""
                                    : ", cfg: " + CFG.get(rule.get(2).asText())));
        }
        RuleBook book = new RuleBook(
                Recipe.parse(Path.of("vector.yaml"), yaml.toString()).rules());

        List<String> found = new ArrayList<>();
        for (JsonNode name : test.at("/input/names")) {
            Verdict verdict = book.decide(name.asText(), true);
            found.add(verdict.enable() ? word(verdict.stages().getFirst()) : "disabled");
        }

        assertThat(found).isEqualTo(JSON.convertValue(test.at("/expected/result"), List.class));
    }

    @Test
    void normalised_fusedNames_loseIndexAndPlural() throws IOException {
        JsonNode test = vector("recipe.fused_name_normalise");

        List<String> found = new ArrayList<>();
        test.at("/input/names").forEach(name -> found.add(QuantizerName.normalised(name.asText())));

        assertThat(found).isEqualTo(JSON.convertValue(test.at("/expected/names"), List.class));
    }

    @Test
    void parse_entriesThatModelOptRejects_areRejected() throws IOException {
        JsonNode test = vector("recipe.reject");

        assertThat(test.at("/expected/all").asText()).isEqualTo("rejected");
        assertThat(test.at("/input/entries")).hasSize(6);
        for (JsonNode entry : test.at("/input/entries")) {
            // JSON is YAML.
            String yaml = "metadata: {recipe_type: ptq}\nquantize: {quant_cfg: [%s]}\n".formatted(entry);
            assertThatThrownBy(() -> Recipe.parse(Path.of("vector.yaml"), yaml))
                    .as("%s", entry)
                    .isInstanceOf(RecipeException.class);
        }
    }

    private static String word(QuantizerConfig config) {
        return config.format().orElseThrow() == Format.NVFP4 ? "nvfp4" : "fp8";
    }

    private static JsonNode vector(String id) throws IOException {
        for (JsonNode test :
                JSON.readTree(Shared.path("conformance/numerics.json").toFile()).get("cases")) {
            if (test.get("id").asText().equals(id)) {
                return test;
            }
        }
        throw new AssertionError("no case " + id);
    }
}
