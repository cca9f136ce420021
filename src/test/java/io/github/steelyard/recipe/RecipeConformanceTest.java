package io.github.steelyard.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// Recipes that ModelOpt itself resolved, and recipes that it refuses.
final class RecipeConformanceTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    /// Attributes at the values that ModelOpt writes where none is given.
    private static final Map<String, String> DEFAULTS = Map.ofEntries(
            Map.entry("enable", "true"),
            Map.entry("fake_quant", "true"),
            Map.entry("unsigned", "false"),
            Map.entry("narrow_range", "false"),
            Map.entry("learn_amax", "false"),
            Map.entry("type", "\"static\""),
            Map.entry("trt_high_precision_dtype", "\"Float\""),
            Map.entry("calibrator", "\"max\""),
            Map.entry("rotate", "false"),
            Map.entry("pass_through_bwd", "true"),
            Map.entry("use_constant_amax", "false"));

    @Test
    void resolved_everyRecipe_isWhatModelOptMakesOfIt() throws IOException {
        int compared = 0;
        for (var entry : expected().get("resolved").properties()) {
            String[] words = entry.getKey().split(" ");
            List<Setting> settings =
                    Arrays.stream(words).skip(2).map(Setting::new).toList();
            Recipe recipe = RecipeLibrary.SHIPPED.read(
                    Shared.path("conformance/recipes").resolve(words[0]).toString(), settings);
            JsonNode resolved = JSON.readTree(recipe.resolved());
            if (settings.isEmpty()) {
                assertThat(resolved).as(entry.getKey()).isEqualTo(entry.getValue());
            } else { // ModelOpt writes all defaults then
                assertThat(pruned(resolved)).as(entry.getKey()).isEqualTo(pruned(entry.getValue()));
            }
            compared++;
        }
        assertThat(compared).isEqualTo(7);
    }

    /// Returns the tree without what is null, or a default in a quantizer's attributes or beside them.
    private static JsonNode pruned(JsonNode node) {
        if (node.isArray()) {
            ArrayNode items = JSON.createArrayNode();
            node.forEach(item -> items.add(pruned(item)));
            return items;
        }
        if (!node.isObject()) {
            return node;
        }
        boolean attributes = node.has("num_bits") || node.has("quantizer_name");
        ObjectNode kept = JSON.createObjectNode();
        for (var entry : node.properties()) {
            boolean byDefault = attributes && entry.getValue().toString().equals(DEFAULTS.get(entry.getKey()));
            if (!entry.getValue().isNull() && !byDefault) {
                kept.set(entry.getKey(), pruned(entry.getValue()));
            }
        }
        return kept;
    }

    @Test
    void read_everyBadRecipe_isRefusedNamingTheReason() throws IOException {
        JsonNode errors = expected().get("error");
        assertThat(errors).hasSize(10);
        for (var entry : errors.properties()) {
            Path file = Shared.path("conformance/recipes").resolve(entry.getKey());
            RecipeException error = catchThrowableOfType(RecipeException.class, () -> Recipe.read(file));
            assertThat(error).as(entry.getKey()).isNotNull();
            assertThat(error.getMessage())
                    .as(entry.getKey())
                    .startsWith(error.path().toString())
                    .contains(entry.getValue().get("must_name").asText())
                    .doesNotContain("\n");
            assertThat(error.line()).as(entry.getKey()).isPositive();
        }
    }

    private static JsonNode expected() throws IOException {
        return JSON.readTree(Shared.path("conformance/recipes/expected.json").toFile());
    }
}
