package io.github.steelyard.recipe;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.format.Format;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.plan.PlanWarning;
import io.github.steelyard.plan.Scheme;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.testing.PublishedConfig;
import io.github.steelyard.testing.Shared;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The recipes for one model each, on that model's real shape and on the tiny checkpoint of its family.
final class ModelRecipesTest {

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource({
        "qwen3-30b-a3b, qwen3-30b-a3b",
        "qwen3.6-35b-a3b, qwen3.6-35b-a3b",
        "mixtral-8x7b, mixtral-8x7b",
        "nemotron-3-nano-30b-a3b, nemotron-3-nano-30b-a3b",
        "nemotron-3-super-120b-a12b, nemotron-3-super-120b-a12b",
        "gpt-oss, gpt-oss-20b",
        "gpt-oss, gpt-oss-120b",
        "deepseek-v3, deepseek-v3",
        "kimi-k2, kimi-k2",
        "glm-4.5-air, glm-4.5-air",
        "glm-4.5-air, glm-4.5",
        "olmoe-1b-7b, olmoe-1b-7b",
        "qwen3-vl-30b-a3b, qwen3-vl-30b-a3b",
        "qwen3-omni-30b-a3b, qwen3-omni-30b-a3b",
        "glm-4.5v, glm-4.5v",
        "glm-4.7-flash, glm-4.7-flash",
        "minimax-m2, minimax-m2",
        "qwen1.5-moe-a2.7b, qwen1.5-moe-a2.7b",
        "dots.llm1, dots.llm1",
        "ernie-4.5-21b-a3b, ernie-4.5-21b-a3b",
        "hunyuan-a13b, hunyuan-a13b",
        "qwen3-next-80b-a3b, qwen3-next-80b-a3b",
        "deepseek-v3.2, deepseek-v3.2",
        "glm-5, glm-5",
        "mistral-small-4, mistral-small-4",
        "solar-open-100b, solar-open-100b"
    })
    void publishedShape_everyEnablingRuleDecides_andServersLoadIt(String recipe, String model) {
        Plan plan = plan(recipe, PublishedConfig.decoder(model, directory).modules());

        plan.requireServable();
        assertThat(plan.recipe().calibration().minTokens()).isEqualTo(64);
        assertThat(plan.recipe().calibration().starvedExperts()).isEqualTo(CalibrationOptions.StarvedExperts.LAYER_MAX);
        assertThat(plan.recipe().data().maxSequences()).hasValue(512);
        assertThat(plan.rules())
                .filteredOn(use -> use.rule().enable())
                .isNotEmpty()
                .allSatisfy(
                        use -> assertThat(use.deciding()).as(use.rule().label()).isPositive());
        assertThat(plan.modules())
                .filteredOn(module -> module.kind() == ModuleInfo.Kind.ROUTER)
                .isNotEmpty()
                .allSatisfy(router -> assertThat(plan.scheme(router.name())).isEqualTo(Scheme.NONE));
        assertThat(plan.warnings()).extracting(PlanWarning::code).isSubsetOf("rule.excludes_nothing");
    }

    @ParameterizedTest
    @CsvSource({
        "qwen3-30b-a3b, qwen3_moe, qwen3_moe",
        "qwen3.6-35b-a3b, qwen3_5_moe, qwen3_5_moe",
        "mixtral-8x7b, mixtral, mixtral",
        "nemotron-3-nano-30b-a3b, nemotron_h, nemotron_h",
        "nemotron-3-super-120b-a12b, nemotron_h_latent, nemotron_h_latent",
        "gpt-oss, gpt_oss, gpt_oss",
        "gpt-oss, gpt_oss, gpt_oss/mxfp4",
        "deepseek-v3, deepseek_v3, deepseek_v3/fp8_block",
        "kimi-k2, kimi_k2, kimi_k2",
        "glm-4.5-air, glm4_moe, glm4_moe",
        "olmoe-1b-7b, olmoe, olmoe"
    })
    void tinyCheckpoint_isServable(String recipe, String family, String variant) {
        try (Checkpoint checkpoint = Checkpoint.open(Shared.path("conformance/architectures/" + variant))) {
            Plan plan = plan(recipe, Families.of(checkpoint).modules());

            plan.requireServable();
            assertThat(plan.modules())
                    .as(family)
                    .anyMatch(module -> plan.scheme(module.name()).isQuantised());
        }
    }

    // The exclude list of the published Nemotron-3-Nano-30B-A3B-NVFP4.
    @Test
    void nemotronNano_leavesWhatThePublishedCheckpointLeaves() {
        Plan plan = plan("nemotron-3-nano-30b-a3b", "nemotron-3-nano-30b-a3b");

        assertThat(unquantised(plan))
                .hasSize(6 * 4 + 6 * 2 + 23 + 1)
                .contains(
                        "backbone.layers.5.mixer.q_proj",
                        "backbone.layers.42.mixer.o_proj",
                        "backbone.layers.4.mixer.in_proj",
                        "backbone.layers.41.mixer.out_proj",
                        "backbone.layers.1.mixer.gate",
                        "lm_head")
                .doesNotContain("backbone.layers.0.mixer.in_proj", "backbone.layers.1.mixer.shared_experts.up_proj");
        assertThat(plan.cacheFormat()).contains(Format.FP8);
    }

    // The quantised layers of the published Qwen3.6-35B-A3B-NVFP4: 30 · 3 + 10 · 4 in FP8; experts, shared experts and
    // the
    // head NVFP4, weights alone.
    @Test
    void qwen36_quantisesWhatThePublishedCheckpointDoes() {
        Plan plan = plan("qwen3.6-35b-a3b", "qwen3.6-35b-a3b");
        Map<String, Long> counts = plan.modules().stream()
                .map(module -> plan.scheme(module.name()))
                .filter(Scheme::isQuantised)
                .collect(Collectors.groupingBy(Scheme::toString, TreeMap::new, Collectors.counting()));

        assertThat(counts.values()).containsExactlyInAnyOrder(30L * 3 + 10 * 4, 40L * 256 * 3 + 40 * 3 + 1);
        assertThat(plan.scheme("lm_head").input()).isEmpty();
        assertThat(plan.scheme("lm_head").weight()).contains(Format.NVFP4);
        assertThat(plan.scheme("model.language_model.layers.0.linear_attn.in_proj_a"))
                .isEqualTo(Scheme.NONE);
    }

    // Excluded from the published DeepSeek-V3.1-NVFP4: the head, q_a, q_b, kv_a, kv_b, and routers.
    @Test
    void deepseek_leavesWhatThePublishedCheckpointLeaves() {
        Plan plan = plan("deepseek-v3", "deepseek-v3");

        assertThat(unquantised(plan))
                .hasSize(61 * 4 + 58 + 1)
                .contains("model.layers.0.self_attn.kv_a_proj_with_mqa", "model.layers.60.self_attn.q_b_proj")
                .doesNotContain("model.layers.0.self_attn.o_proj", "model.layers.2.mlp.down_proj");
    }

    @Test
    void kimi_quantisesRoutedExpertsAlone() {
        Plan plan = plan("kimi-k2", "kimi-k2");

        assertThat(plan.modules())
                .allSatisfy(module ->
                        assertThat(plan.scheme(module.name()).isQuantised()).isEqualTo(module.isExpert()));
    }

    private static List<String> unquantised(Plan plan) {
        return plan.modules().stream()
                .filter(module -> module.kind() != ModuleInfo.Kind.ATTENTION)
                .map(ModuleInfo::name)
                .filter(name -> !plan.scheme(name).isQuantised())
                .toList();
    }

    private Plan plan(String recipe, String model) {
        return plan(recipe, PublishedConfig.decoder(model, directory).modules());
    }

    private static Plan plan(String recipe, List<ModuleInfo> modules) {
        return Plan.of(Recipe.read(Path.of("configs/recipes", recipe + ".yaml")), modules);
    }
}
