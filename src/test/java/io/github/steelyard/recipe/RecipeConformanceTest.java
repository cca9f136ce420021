package io.github.steelyard.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/// Recipes that ModelOpt itself resolved, and recipes that it refuses.
final class RecipeConformanceTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    @Test
    void resolved_everyRecipe_isWhatModelOptMakesOfIt() throws IOException {
        JsonNode resolved = expected().get("resolved");
        int compared = 0;
        for (var entry : resolved.properties()) {
            if (!entry.getKey().contains(" ")) {
                Recipe recipe = Recipe.read(Shared.path("conformance/recipes").resolve(entry.getKey()));
                assertThat(JSON.readTree(recipe.resolved())).as(entry.getKey()).isEqualTo(entry.getValue());
                compared++;
            }
        }
        assertThat(compared).isEqualTo(5);
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
