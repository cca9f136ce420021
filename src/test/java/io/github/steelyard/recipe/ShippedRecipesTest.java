package io.github.steelyard.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.format.Format;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.plan.PlanWarning;
import io.github.steelyard.plan.Scheme;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The recipes of `configs/recipes`.
final class ShippedRecipesTest {

    private static final Path RECIPES = Path.of("configs/recipes");
    private static final Scheme NVFP4 = Scheme.of(Format.NVFP4, Format.NVFP4);
    private static final Scheme FP8 = Scheme.of(Format.FP8, Format.FP8);

    @Test
    void read_everyFile_isARecipe() throws IOException {
        try (Stream<Path> files = Files.list(RECIPES)) {
            List<Path> recipes = files.sorted().toList();
            assertThat(recipes).hasSizeGreaterThanOrEqualTo(6);
            assertThat(recipes).allSatisfy(file -> {
                Recipe recipe = Recipe.read(file);
                assertThat(recipe.description()).isNotBlank();
                assertThat(recipe.rules().getFirst().pattern()).isEqualTo("*");
                assertThat(Files.readString(Path.of("configs/README.md")))
                        .contains(file.getFileName().toString());
            });
        }
    }

    @Test
    void read_exampleOfTheDocumentation_isARecipe() throws IOException {
        String page = Files.readString(Path.of("docs/RECIPES.md"));
        String example = page.substring(page.indexOf("```yaml\n") + 8, page.indexOf("\n```\n"));

        Recipe recipe = Recipe.parse(Path.of("example.yaml"), example);

        assertThat(recipe.rules()).hasSize(5);
        assertThat(recipe.calibration().minTokens()).isEqualTo(64);
    }

    @ParameterizedTest
    @CsvSource({
        "nvfp4-experts_fp8-rest_kv-fp8, NVFP4, FP8, FP8",
        "nvfp4-experts_kv-fp8, NVFP4, , FP8",
        "nvfp4-experts, NVFP4, ,",
        "fp8-experts, FP8, ,",
        "fp8_kv-fp8, FP8, FP8, FP8",
        "nvfp4, NVFP4, NVFP4,",
    })
    void plan_everyFamily_isServableAndAsNamed(String name, Format experts, Format rest, Format cache) {
        for (String family : List.of("mixtral", "qwen3_moe")) {
            Plan plan = plan(name, family);

            plan.requireServable();
            assertThat(plan.cacheFormat()).as(family).isEqualTo(Optional.ofNullable(cache));
            assertThat(plan.modules()).as(family).anyMatch(ModuleInfo::isExpert).allSatisfy(module -> {
                Scheme scheme = plan.scheme(module.name());
                switch (module.kind()) {
                    case ROUTER, HEAD, ATTENTION ->
                        assertThat(scheme).as(module.name()).isEqualTo(Scheme.NONE);
                    case LINEAR -> {
                        Format format = module.isExpert() ? experts : rest;
                        assertThat(scheme)
                                .as(module.name())
                                .isEqualTo(format == null ? Scheme.NONE : Scheme.of(format, format));
                    }
                }
            });
            assertThat(plan.warnings())
                    .as(family)
                    .extracting(PlanWarning::code)
                    .containsExactly("rule.excludes_nothing");
        }
    }

    @ParameterizedTest
    @CsvSource({"llama", "qwen3"})
    void plan_denseModel_takesRecipesWithoutExpertsOnly(String family) {
        plan("fp8_kv-fp8", family).requireServable();
        assertThat(plan("nvfp4", family).scheme("model.layers.0.mlp.down_proj")).isEqualTo(NVFP4);
        assertThat(plan("fp8_kv-fp8", family).scheme("model.layers.0.mlp.down_proj"))
                .isEqualTo(FP8);
        assertThatThrownBy(() -> plan("nvfp4-experts_kv-fp8", family))
                .isInstanceOf(RecipeException.class)
                .hasMessageContaining("'*.experts.*weight_quantizer'")
                .hasMessageContaining("matches none of this model");
    }

    private static Plan plan(String recipe, String family) {
        try (Checkpoint checkpoint = Checkpoint.open(Shared.path("conformance/architectures/" + family))) {
            return Plan.of(
                    Recipe.read(RECIPES.resolve(recipe + ".yaml")),
                    Families.of(checkpoint).modules());
        }
    }
}
