package io.github.steelyard.calibration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.steelyard.quant.AmaxSource;
import io.github.steelyard.quant.BlockSizes;
import io.github.steelyard.quant.NumBits;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.CalibrationOptions;
import io.github.steelyard.recipe.CalibrationOptions.Experts;
import io.github.steelyard.recipe.CalibrationOptions.StarvedExperts;
import io.github.steelyard.recipe.CalibrationOptions.UnmatchedRules;
import io.github.steelyard.recipe.Drawing;
import io.github.steelyard.recipe.ExportOptions.Sharing;
import io.github.steelyard.recipe.HistogramOptions;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.ModuleInfo.Kind;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.testing.ExpertNames;
import io.github.steelyard.weights.FusedStack;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ScaleTableTest {

    private static final QuantizerConfig FP8 = QuantizerConfig.perTensor(NumBits.E4M3);
    private static final QuantizerConfig NVFP4 =
            QuantizerConfig.blocks(NumBits.E2M1, BlockSizes.lastAxis(16, true, NumBits.E4M3));
    private static final CalibrationOptions LAYER_MAX = policy(1, StarvedExperts.LAYER_MAX);

    private final List<ModuleInfo> modules = new ArrayList<>();
    private final TreeMap<Site, SiteStatistics> measured = new TreeMap<>();
    private final TreeMap<Site, QuantizerConfig> plan = new TreeMap<>();

    @Test
    void resolve_measuredSite_keepsItsAmax() {
        Site down = expert(0, "down_proj", 4f, 10);

        assertThat(resolve(LAYER_MAX, Sharing.EXPERT).at(down)).contains(SiteScale.measured(down, 4f));
    }

    @Test
    void resolve_outputs_areMeasuredOrTakeTheLayersLargest() {
        List<Site> outputs = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Site input = expert(i, "down_proj", 4f, 10);
            Site output = new Site(input.module(), Role.OUTPUT);
            plan.put(output, FP8);
            outputs.add(output);
        }
        measured.put(outputs.get(0), SiteStatistics.of(2, 10, 0));
        measured.put(outputs.get(1), SiteStatistics.of(3, 10, 0)); // and the third saw no token

        ScaleTable scales = resolve(LAYER_MAX, Sharing.EXPERT);

        assertThat(scales.at(outputs.get(0))).contains(SiteScale.measured(outputs.get(0), 2f));
        assertThat(scales.at(outputs.get(2)).orElseThrow().amax()).isEqualTo(3);
        assertThat(scales.at(outputs.get(2)).orElseThrow().origin()).isEqualTo(ScaleOrigin.IMPUTED);
        assertThatExceptionOfType(GateException.class)
                .isThrownBy(() -> resolve(policy(1, StarvedExperts.FAIL), Sharing.EXPERT))
                .satisfies(refusal -> assertThat(refusal.problems())
                        .containsExactly("model.layers.0.mlp.experts.2.down_proj.output_quantizer saw 0 of 1 token(s):"
                                + " give more data, or say in the recipe what such experts get"));
    }

    @Test
    void resolve_nonFiniteOutputOfAnExpertWithFewTokens_isRefused() {
        for (int i = 0; i < 2; i++) {
            Site output = new Site(expert(i, "down_proj", 4f, 10).module(), Role.OUTPUT);
            plan.put(output, FP8);
            measured.put(output, SiteStatistics.of(2, i == 0 ? 10 : 1, i));
        }

        assertThatExceptionOfType(GateException.class)
                .isThrownBy(() -> resolve(policy(5, StarvedExperts.LAYER_MAX), Sharing.EXPERT))
                .satisfies(refusal -> assertThat(refusal.problems())
                        .containsExactly("model.layers.0.mlp.experts.1.down_proj.output_quantizer"
                                + " saw 1 NaN or infinite value(s)"));
    }

    // A peer writes uninitialised memory, another a constant 0.5, as the scale of an expert without tokens.
    @Test
    void resolve_unseenExpert_takesTheLayersMaximum() {
        Site least = expert(0, "down_proj", 4f, 10);
        Site largest = expert(1, "down_proj", 9f, 3);
        Site unseen = expert(2, "down_proj", 0f, 0);
        expert(1, "up_proj", 50f, 3);

        SiteScale scale = resolve(LAYER_MAX, Sharing.EXPERT).at(unseen).orElseThrow();

        assertThat(scale.amax()).isEqualTo(9f);
        assertThat(scale.origin()).isEqualTo(ScaleOrigin.IMPUTED);
        assertThat(scale.from()).contains(largest);
        assertThat(resolve(LAYER_MAX, Sharing.EXPERT).at(least).orElseThrow().amax())
                .isEqualTo(4f);
    }

    @Test
    void resolve_fewerTokensThanTheMinimum_isImputed() {
        Site few = expert(0, "down_proj", 4f, 7);
        expert(1, "down_proj", 9f, 8);

        SiteScale scale = resolve(policy(8, StarvedExperts.LAYER_MAX), Sharing.EXPERT)
                .at(few)
                .orElseThrow();

        assertThat(scale.amax()).isEqualTo(9f);
        assertThat(scale.origin()).isEqualTo(ScaleOrigin.IMPUTED);
        assertThat(scale.detail()).isEqualTo("7 of 8 token(s), layer maximum");
    }

    @Test
    void resolve_starvedExpertsAndPolicyFail_namesEachOfThem() {
        expert(0, "down_proj", 4f, 10);
        expert(1, "down_proj", 0f, 0);
        expert(2, "down_proj", 0f, 0);

        assertThatExceptionOfType(GateException.class)
                .isThrownBy(() -> resolve(policy(1, StarvedExperts.FAIL), Sharing.EXPERT))
                .withMessageContaining("model.layers.0.mlp.experts.1.down_proj.input_quantizer saw 0 of 1 token(s)")
                .withMessageContaining("model.layers.0.mlp.experts.2.down_proj.input_quantizer saw 0 of 1 token(s)");
    }

    @Test
    void resolve_allTokens_neverExceedsTheLayersMaximum() {
        expert(0, "down_proj", 4f, 10);
        Site within = expert(1, "down_proj", 0f, 0);
        Site beyond = expert(2, "down_proj", 0f, 0);
        measured.put(within, new SiteStatistics(Measurement.NONE, Optional.of(new Measurement(3, 99, 0))));
        measured.put(beyond, new SiteStatistics(Measurement.NONE, Optional.of(new Measurement(40, 99, 0))));

        ScaleTable table = resolve(policy(1, StarvedExperts.ALL_TOKENS), Sharing.EXPERT);

        assertThat(table.at(within).orElseThrow().amax()).isEqualTo(3f);
        assertThat(table.at(beyond).orElseThrow().amax()).isEqualTo(4f);
        assertThat(table.at(beyond).orElseThrow().detail()).endsWith("limited to the layer's maximum");
    }

    @Test
    void resolve_layerWithoutAnyToken_isRefused() {
        expert(0, "down_proj", 0f, 0);

        assertThatExceptionOfType(GateException.class)
                .isThrownBy(() -> resolve(LAYER_MAX, Sharing.EXPERT))
                .withMessage("no scales can be made: model.layers.0.mlp.experts.0.down_proj.input_quantizer"
                        + " saw no token, nor did any expert of its layer");
    }

    @Test
    void resolve_sharingByLayer_givesAllExpertsTheLargest() {
        Site least = expert(0, "down_proj", 4f, 10);
        Site largest = expert(1, "down_proj", 9f, 3);

        ScaleTable table = resolve(policy(1, StarvedExperts.FAIL), Sharing.LAYER);

        assertThat(table.at(least))
                .contains(new SiteScale(least, 9f, ScaleOrigin.SHARED, Optional.of(largest), "one scale per layer"));
        assertThat(table.at(largest).orElseThrow().origin()).isEqualTo(ScaleOrigin.MEASURED);
    }

    @Test
    void resolve_nonFiniteValues_areRefusedBySite() {
        Site site = expert(0, "down_proj", 4f, 10);
        measured.put(site, SiteStatistics.of(4f, 10, 2));

        assertThatExceptionOfType(GateException.class)
                .isThrownBy(() -> resolve(LAYER_MAX, Sharing.EXPERT))
                .withMessage("no scales can be made: model.layers.0.mlp.experts.0.down_proj.input_quantizer"
                        + " saw 2 NaN or infinite value(s)");
    }

    @Test
    void resolve_pinnedAmax_needsNoStatistics() {
        ModuleInfo attention = new ModuleInfo("model.layers.0.self_attn", Kind.ATTENTION, 0, 0, 0, List.of());
        modules.add(attention);
        Site key = new Site(attention.name(), Role.KEY);
        plan.put(key, FP8.withAmax(new AmaxSource.CodeRange()));

        assertThat(resolve(LAYER_MAX, Sharing.EXPERT).at(key)).contains(SiteScale.constant(key, 448f));
    }

    @Test
    void resolve_nvfp4SharedInput_unifiesWeights() {
        linear("q_proj", NVFP4, 0.3574f);
        linear("k_proj", NVFP4, 0.3496f);
        linear("v_proj", NVFP4, 0.1289f);

        ScaleTable table = resolve(LAYER_MAX, Sharing.EXPERT);

        assertThat(table.at(weight("q_proj")).orElseThrow().origin()).isEqualTo(ScaleOrigin.MEASURED);
        assertThat(table.at(weight("k_proj")).orElseThrow().amax()).isEqualTo(0.3574f);
        assertThat(table.at(weight("v_proj")).orElseThrow().from()).contains(weight("q_proj"));
    }

    // Servers requantise q, k and v to the largest scale, which doubles the error of the others.
    @Test
    void resolve_fp8InOneMatrix_sharesTheLargest() {
        linear("q_proj", FP8, 0.1289f);
        linear("k_proj", FP8, 0.3574f);
        linear("v_proj", FP8, 0.3496f);

        ScaleTable table = resolve(LAYER_MAX, Sharing.EXPERT);

        assertThat(table.at(weight("q_proj")))
                .contains(SiteScale.shared(
                        weight("q_proj"),
                        SiteScale.measured(weight("k_proj"), 0.3574f),
                        "one scale for modules that servers keep in one matrix"));
        assertThat(table.at(weight("v_proj")).orElseThrow().amax()).isEqualTo(0.3574f);
    }

    @Test
    void resolve_fp8OfOneInputInTwoMatrices_keepsEachOnesAmax() {
        linear("q_proj", FP8, 0.1289f);
        linear("gate_proj", FP8, 0.3574f);

        assertThat(resolve(LAYER_MAX, Sharing.EXPERT)
                        .at(weight("q_proj"))
                        .orElseThrow()
                        .amax())
                .isEqualTo(0.1289f);
    }

    // Servers read one input scale and one weight scale for a tensor of all experts, in FP8 too.
    @Test
    void resolve_expertsInOneTensor_shareTheLargest() {
        Site least = stacked(0, 4f, 10, 0.5f);
        Site starved = stacked(1, 0f, 0, 0.125f);
        Site largest = stacked(2, 9f, 3, 0.25f);

        ScaleTable table = resolve(LAYER_MAX, Sharing.EXPERT);

        assertThat(table.at(least).orElseThrow().from()).contains(largest);
        assertThat(table.at(starved).orElseThrow().origin()).isEqualTo(ScaleOrigin.IMPUTED);
        for (Site site : List.of(least, starved, largest)) {
            assertThat(table.at(site).orElseThrow().amax()).isEqualTo(9f);
            assertThat(table.at(new Site(site.module(), Role.WEIGHT))
                            .orElseThrow()
                            .amax())
                    .isEqualTo(0.5f);
        }
    }

    // A server caches the latent and the rotated key, both under one scale; nobody caches the expanded keys and values.
    @ParameterizedTest
    @CsvSource({"KEY, VALUE", "LATENT, ROTATED_KEY"})
    void resolve_latentAttention_hasTheScaleOfWhatIsCached(Role first, Role second) {
        ModuleInfo attention = new ModuleInfo("model.layers.0.self_attn", Kind.ATTENTION, 0, 512, 0, List.of());
        modules.add(attention);
        Map.of(Role.KEY, 90f, Role.VALUE, 80f, Role.LATENT, 3f, Role.ROTATED_KEY, 7f)
                .forEach(
                        (role, amax) -> measured.put(new Site(attention.name(), role), SiteStatistics.of(amax, 10, 0)));
        plan.put(new Site(attention.name(), first), FP8);
        plan.put(new Site(attention.name(), second), FP8);

        ScaleTable table = resolve(LAYER_MAX, Sharing.EXPERT);

        assertThat(table.scales()).hasSize(2);
        assertThat(table.at(new Site(attention.name(), first)).orElseThrow().amax())
                .isEqualTo(7f);
        assertThat(table.at(new Site(attention.name(), second)).orElseThrow().amax())
                .isEqualTo(7f);
    }

    @Test
    void resolve_pinnedLatentCache_needsNoStatistics() {
        ModuleInfo attention = new ModuleInfo("model.layers.0.self_attn", Kind.ATTENTION, 0, 512, 0, List.of());
        modules.add(attention);
        Site latent = new Site(attention.name(), Role.LATENT);
        plan.put(latent, FP8.withAmax(new AmaxSource.CodeRange()));

        assertThat(resolve(LAYER_MAX, Sharing.EXPERT).scales())
                .containsExactly(Map.entry(latent, SiteScale.constant(latent, 448)));
    }

    // Formats without a scale of the tensor make scales all the same, of each block.
    @Test
    void resolve_weightWithNaN_isRefusedInEveryFormat() {
        for (QuantizerConfig quantizer :
                List.of(FP8, QuantizerConfig.blocks(NumBits.E4M3, BlockSizes.lastAxis(32, true, NumBits.E8M0)))) {
            modules.clear();
            linear("q_proj", quantizer, 1f);
            measured.put(weight("q_proj"), SiteStatistics.of(1f, 32, 3));

            assertThatExceptionOfType(GateException.class)
                    .isThrownBy(() -> resolve(LAYER_MAX, Sharing.EXPERT))
                    .satisfies(refused -> assertThat(refused.problems())
                            .containsExactly("%s saw 3 NaN or infinite value(s)".formatted(weight("q_proj"))));
        }
    }

    /// Adds an FP8 expert whose weight lies with others in one tensor; returns the site of its input.
    private Site stacked(int expert, float amax, long tokens, float weightAmax) {
        Site site = expert(expert, "down_proj", amax, tokens);
        FusedStack stack = FusedStack.of(
                "model.layers.0.mlp.experts.down_proj", 3, 32, 32, FusedStack.Layout.IN_OUT, name -> false);
        modules.set(
                modules.size() - 1, modules.getLast().in(new FusedStack.Member(stack, expert, FusedStack.Part.ALL)));
        Site weight = new Site(site.module(), Role.WEIGHT);
        measured.put(weight, SiteStatistics.of(weightAmax, 32, 0));
        plan.put(weight, FP8);
        return site;
    }

    private static CalibrationOptions policy(long minTokens, StarvedExperts starved) {
        return new CalibrationOptions(
                Experts.ROUTED,
                minTokens,
                starved,
                UnmatchedRules.FAIL,
                Optional.empty(),
                HistogramOptions.DEFAULT,
                Drawing.AT_ONCE);
    }

    private ScaleTable resolve(CalibrationOptions policy, Sharing sharing) {
        return new ScaleResolver(
                        new Calibrator.Max(),
                        new Statistics(measured),
                        modules,
                        site -> Optional.ofNullable(plan.get(site)),
                        policy,
                        sharing,
                        Optional.empty())
                .resolve();
    }

    private Site expert(int expert, String projection, float amax, long tokens) {
        String name = "model.layers.0.mlp.experts.%d.%s".formatted(expert, projection);
        modules.add(new ModuleInfo(name, Kind.LINEAR, 32, 32, 0, List.of(name))
                .of(ExpertNames.part(name).orElseThrow()));
        Site site = new Site(name, Role.INPUT);
        measured.put(site, SiteStatistics.of(amax, tokens, 0));
        plan.put(site, FP8);
        return site;
    }

    private void linear(String projection, QuantizerConfig quantizer, float weightAmax) {
        List<String> group = List.of(name("q_proj"), name("k_proj"), name("v_proj"));
        modules.add(new ModuleInfo(name(projection), Kind.LINEAR, 32, 32, 0, group).joinedAs(group));
        measured.putAll(Map.of(
                new Site(name(projection), Role.INPUT),
                SiteStatistics.of(2f, 10, 0),
                weight(projection),
                SiteStatistics.of(weightAmax, 32, 0)));
        plan.put(new Site(name(projection), Role.INPUT), quantizer);
        plan.put(weight(projection), quantizer);
    }

    private static String name(String projection) {
        return "model.layers.0.self_attn." + projection;
    }

    private static Site weight(String projection) {
        return new Site(name(projection), Role.WEIGHT);
    }
}
