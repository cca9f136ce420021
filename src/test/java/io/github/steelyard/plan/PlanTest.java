package io.github.steelyard.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.format.Format;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.recipe.RecipeException;
import io.github.steelyard.recipe.Rule;
import io.github.steelyard.site.JoinedProjections;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.ModuleInfo.Kind;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.testing.ExpertNames;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class PlanTest {

    private static final String NVFP4 = "cfg: {num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}}";
    private static final String FP8 = "cfg: {num_bits: e4m3}";
    private static final String OFF = "enable: false";

    @Test
    void of_lastMatch_decides() {
        Plan plan =
                plan(rule("*", OFF), rule("*.experts.*", NVFP4), rule("*down_proj*", FP8), rule("*experts.1.*", OFF));

        assertThat(plan.scheme("model.layers.0.mlp.experts.0.up_proj"))
                .isEqualTo(Scheme.of(Format.NVFP4, Format.NVFP4));
        assertThat(plan.scheme("model.layers.0.mlp.experts.0.down_proj")).isEqualTo(Scheme.of(Format.FP8, Format.FP8));
        assertThat(plan.scheme("model.layers.0.mlp.experts.1.down_proj")).isEqualTo(Scheme.NONE);
        assertThat(plan.scheme("model.layers.0.self_attn.q_proj")).isEqualTo(Scheme.NONE);
        assertThat(plan.decision(new Site("model.layers.0.mlp.experts.0.down_proj", Role.INPUT))
                        .flatMap(Decision::rule)
                        .map(Rule::pattern))
                .contains("*down_proj*");
        assertThat(plan.rules()).extracting(RuleUse::matched).containsExactly(22, 12, 4, 6);
        assertThat(plan.rules()).extracting(RuleUse::deciding).containsExactly(10, 4, 2, 6);
    }

    @Test
    void of_switchedOffAndOnAgain_keepsItsAttributes() {
        Plan plan = plan(rule("*q_proj.weight_quantizer", FP8), rule("*", OFF), rule("*q_proj.w*", "enable: true"));

        assertThat(plan.format(new Site("model.layers.0.self_attn.q_proj", Role.WEIGHT)))
                .contains(Format.FP8);
    }

    @Test
    void of_switchedOnWithoutAttributes_isRefused() {
        refused(
                "r.yaml:4:7: model.layers.0.self_attn.q_proj.input_quantizer and 1 other: switched on, but no rule before"
                        + " gave it attributes (cfg)",
                rule("*q_proj*", "enable: true"));
    }

    // ModelOpt has no quantizer for it, and no server loads a quantised one.
    @Test
    void of_everythingOn_noRuleMatchesARouter() {
        Plan plan = plan(rule("*", FP8), rule("*mlp.gate.*", OFF));

        assertThat(plan.scheme("model.layers.0.mlp.gate")).isEqualTo(Scheme.NONE);
        assertThat(plan.decisions())
                .noneMatch(decision -> decision.site().module().equals("model.layers.0.mlp.gate"));
        assertThat(plan.rules()).extracting(RuleUse::matched).containsExactly(22, 0);
    }

    @Test
    void of_asStored_takesTheCheckpointsFormats() {
        String q = "model.layers.0.self_attn.q_proj";
        String down = "model.layers.0.mlp.experts.0.down_proj";
        Map<Site, Format> stored = Map.of(
                new Site(q, Role.WEIGHT), Format.FP8,
                new Site(q, Role.INPUT), Format.FP8,
                new Site(down, Role.WEIGHT), Format.NVFP4,
                new Site("model.layers.0.self_attn.k_proj", Role.WEIGHT), Format.INT4,
                new Site("model.layers.0.self_attn", Role.KEY), Format.FP8);
        Recipe recipe = Recipe.parse(
                Path.of("r.yaml"),
                yaml("max", rule("*", "cfg: as_stored"), rule("*v_bmm_quantizer", FP8), rule("*.1.*q_proj*", OFF)));

        Plan plan = Plan.of(recipe, modules(), stored);

        assertThat(plan.scheme(q)).isEqualTo(Scheme.of(Format.FP8, Format.FP8));
        assertThat(plan.scheme(down)).isEqualTo(new Scheme(Optional.of(Format.NVFP4), Optional.empty()));
        assertThat(plan.scheme("model.layers.0.self_attn.k_proj")).isEqualTo(Scheme.NONE);
        assertThat(plan.cacheFormat()).contains(Format.FP8);
        assertThat(plan.warnings()).extracting(PlanWarning::code).doesNotContain("weight.rounded_again");
    }

    @Test
    void of_asStored_whereNothingIsQuantised_isRefused() {
        refused(
                "r.yaml:4:7: rule '*' at line 4: as_stored, but the checkpoint holds nothing in a format that is written"
                        + " here, so nothing is on",
                rule("*", "cfg: as_stored"));
    }

    @Test
    void of_quantisedWeightsInAnotherFormat_areOneCountedWarning() {
        Map<Site, Format> stored = Map.of(
                new Site("model.layers.0.self_attn.q_proj", Role.WEIGHT), Format.FP8,
                new Site("model.layers.0.self_attn.k_proj", Role.WEIGHT), Format.FP8_BLOCK,
                new Site("model.layers.0.self_attn.v_proj", Role.WEIGHT), Format.NVFP4);
        Recipe recipe = Recipe.parse(Path.of("r.yaml"), yaml("max", rule("*", OFF), rule("*weight_quantizer", NVFP4)));

        assertThat(Plan.of(recipe, modules(), stored).warnings())
                .contains(new PlanWarning(
                        "weight.rounded_again",
                        "2",
                        "2 weights stored quantised get another format, so they are decoded and rounded again: 1 from FP8"
                                + " to NVFP4, 1 from FP8_BLOCK to NVFP4"));
    }

    // As NVIDIA's recipes: the experts of other families by other names.
    @Test
    void of_alternativesForOtherFamilies_areOneCountedWarning() {
        Plan plan = plan(
                rule("*", OFF),
                rule("*.experts.*", NVFP4),
                rule("*block_sparse_moe*weight_quantizer", NVFP4),
                rule("*block_sparse_moe*input_quantizer", NVFP4));

        assertThat(plan.warnings())
                .containsExactly(new PlanWarning(
                        "rule.matches_nothing",
                        "2",
                        "2 rules to switch quantizers on match nothing in this model: '*block_sparse_moe*weight_quantizer'"
                                + " (line 6), '*block_sparse_moe*input_quantizer' (line 7)"));
    }

    @Test
    void of_cacheRuleWithoutMatch_isRefusedThoughWeightsAreOn() {
        refused(
                "none of its kind is on",
                rule("*", OFF),
                rule("*.experts.*", NVFP4),
                rule("*.attn.k_bmm_quantizer", FP8));
    }

    @Test
    void of_parentClassLinear_leavesTheCacheAlone() {
        Plan plan = plan(
                rule("*", OFF),
                "{quantizer_name: '*', parent_class: nn.Linear, %s}".formatted(FP8),
                rule("*mlp.gate.*", OFF));

        assertThat(plan.cacheFormat()).isEmpty();
        assertThat(plan.scheme("lm_head")).isEqualTo(Scheme.of(Format.FP8, Format.FP8));
        assertThatThrownBy(() -> recipe("{quantizer_name: '*', parent_class: nn.Linaer, enable: false}"))
                .hasMessageContaining("quant_cfg.parent_class: expected one of nn.AdaptiveAvgPool1d");
    }

    @Test
    void of_cacheRule_givesItsFormat() {
        Plan plan = plan(rule("*", OFF), rule("*[kv]_bmm_quantizer", FP8));

        assertThat(plan.cacheFormat()).contains(Format.FP8);
        assertThat(plan.measuredSites())
                .containsExactly(
                        new Site("model.layers.0.self_attn", Role.KEY),
                        new Site("model.layers.0.self_attn", Role.VALUE));
        assertThatCode(plan::requireServable).doesNotThrowAnyException();
    }

    @Test
    void of_mixedCacheFormats_areRefused() {
        refused(
                "r.yaml:5:7: model.layers.0.self_attn.v_bmm_quantizer: NVFP4, but others of the key and value cache are"
                        + " FP8; a model has one cache format",
                rule("*k_bmm_quantizer", FP8),
                rule("*v_bmm_quantizer", NVFP4));
    }

    @Test
    void requireServable_cacheOfHalf_isRefused() {
        unservable(
                "model.layers.0.self_attn.v_bmm_quantizer: off, but others of the key and value cache are FP8",
                rule("*", OFF),
                rule("*k_bmm_quantizer", FP8));
    }

    @Test
    void of_enablingRuleWithoutMatch_isRefusedOrWarned() {
        refused(
                "r.yaml:5:7: rule '*.expert.*' at line 5: switches quantizers on, but matches none of this model, and none"
                        + " of its kind is on; take it out, or set calibration.unmatched_rules: warn",
                rule("*", OFF),
                rule("*.expert.*", FP8));
        Plan plan = Plan.of(
                Recipe.parse(
                        Path.of("r.yaml"),
                        yaml("max", rule("*", OFF), rule("*.expert.*", FP8))
                                + "calibration: {unmatched_rules: warn}\n"),
                modules());
        assertThat(plan.warnings())
                .containsExactly(new PlanWarning(
                        "rule.matches_nothing",
                        "1",
                        "1 rule to switch quantizers on matches nothing in this model: '*.expert.*' (line 5)"));
    }

    @Test
    void of_exclusionsWithoutMatch_areOneCountedWarning() {
        Plan plan = plan(rule("*", OFF), rule("*visual*", OFF), rule("mtp.*", OFF));

        assertThat(plan.warnings())
                .containsExactly(
                        new PlanWarning(
                                "rule.excludes_nothing",
                                "2",
                                "2 rules to switch quantizers off match nothing in this model: '*visual*' (line 5), 'mtp.*' (line 6)"));
    }

    @Test
    void of_undecidedQuantizers_areOneCountedWarning() {
        Plan plan = plan(rule("*.experts.*", FP8));

        assertThat(plan.warnings()).singleElement().satisfies(warning -> {
            assertThat(warning.code()).isEqualTo("quantizer.undecided");
            assertThat(warning.message())
                    .startsWith("no rule matches model.layers.0.self_attn.q_proj.input_quantizer and 9");
        });
    }

    @Test
    void of_ruleThatDecidesNothing_isAWarning() {
        Plan plan = plan(rule("*q_proj*", NVFP4), rule("*", OFF));

        assertThat(plan.warnings()).extracting(PlanWarning::code).containsExactly("rule.overruled");
    }

    @Test
    void of_attributesWithoutEffect_areACountedWarning() {
        Plan plan = plan(
                rule("*", OFF),
                rule("*q_proj*", "cfg: {num_bits: e4m3, effective_bits: 8.0, pass_through_bwd: false}"));

        assertThat(plan.warnings())
                .containsExactly(new PlanWarning(
                        "attribute.without_effect",
                        "pass_through_bwd",
                        "attribute pass_through_bwd of 2 quantizers has no effect on calibration or export"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "num_bits: e4m3, rotate: true | attribute rotate: true is not supported: rotations are not applied",
                "num_bits: e4m3, calibrator: [calib.Own, {}] | attribute calibrator: [calib.Own, {}] is not supported: it names code of ModelOpt; max and histogram",
                "num_bits: e4m3, calibrator: histogram, constant_amax: 3 | calibrator: histogram has no effect: amax is pinned",
                "num_bits: e4m3, calibrator: histogram, block_sizes: {-1: null, type: dynamic} | calibrator: histogram has no effect: these attributes need no calibration",
                "num_bits: e4m3, fake_quant: false | attribute fake_quant: false is not supported",
                "num_bits: e2m1, block_sizes: {-1: 16, type: static, scale_bits: e4m3, four_over_six: true} | four_over_six is for weights: an input",
                "num_bits: 6 | INT6: no format for an input has the attributes (num_bits: 6)",
                "num_bits: 8, narrow_range: true | attribute narrow_range: true is not supported: codes reach from",
                "num_bits: 4, block_sizes: {-1: 128, type: static} | INT4 in blocks: no format for an input has",
                "num_bits: e3m2, block_sizes: {-1: 32, type: dynamic, scale_bits: e8m0} | MXFP6: no format for an input",
                "num_bits: 8, block_sizes: {-1: 32, type: dynamic, scale_bits: e8m0} | MXINT8: no format for an input",
                "num_bits: e2m1, block_sizes: {-1: 32, type: static, scale_bits: e4m3} | NVFP4 in blocks of 32: no format",
                "num_bits: e4m3, axis: 0 | E4M3: no format for an input has the attributes (num_bits: e4m3, axis: 0)",
            })
    void of_attributesThatWouldChangeNumbers_areRefused(String cfg, String message) {
        refused(message, rule("*q_proj.input_quantizer", "cfg: {%s}".formatted(cfg)));
    }

    @Test
    void of_histogramsThatCannotBe_areRefused() {
        refused(
                "q_proj.weight_quantizer: calibrator: histogram is for what is seen; a weight is known as a whole",
                rule("*q_proj.weight_quantizer", "cfg: {num_bits: e4m3, calibrator: histogram}"));
        String nvfp4 =
                "cfg: {num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}, calibrator: histogram}";
        for (String method : List.of("mse", "entropy")) {
            String recipe = yaml("max", rule("*", OFF), rule("*q_proj.input_quantizer", nvfp4))
                    + "calibration: {histogram: {method: %s}}\n".formatted(method);
            assertThatThrownBy(() -> Plan.of(Recipe.parse(Path.of("r.yaml"), recipe), modules()))
                    .hasMessageContaining("calibration.histogram.method is for codes without block scales");
        }
        assertThatThrownBy(() -> Plan.of(
                        Recipe.parse(
                                Path.of("r.yaml"),
                                yaml("nvfp4_act_headroom", rule("*", OFF), rule("*q_proj.input_quantizer", nvfp4))),
                        modules()))
                .hasMessageContaining(
                        "calibrator: histogram has no effect: 'nvfp4_act_headroom' calibrates NVFP4 inputs");
    }

    @Test
    void of_choicesFromDistributionsThatNobodyHas_areWarnings() {
        Plan plan = Plan.of(
                Recipe.parse(
                        Path.of("r.yaml"),
                        yaml("nvfp4_act_headroom", rule("*", OFF)) + "calibration: {histogram: {method: mse}}\n"),
                modules());

        assertThat(plan.warnings())
                .extracting(PlanWarning::code)
                .contains("algorithm.without_effect", "calibration.histogram_without_effect");
    }

    @Test
    void of_embeddingSwitchedOn_staysAsItIsWithAWarning() {
        Plan on = embedded(rule("*", OFF), rule("*weight_quantizer", FP8));
        Plan off = embedded(rule("*weight_quantizer", FP8), rule("*", "parent_class: nn.Embedding, " + OFF));

        assertThat(on.warnings())
                .extracting(PlanWarning::message)
                .contains(
                        "model.embed_tokens.weight_quantizer is on (E4M3), but servers read embeddings as they are, so it"
                                + " stays as it is");
        assertThat(off.warnings()).extracting(PlanWarning::code).doesNotContain("embedding.as_it_is");
    }

    private static Plan embedded(String... rules) {
        return Plan.of(recipe(rules), modules(), Map.of(), Optional.of("model.embed_tokens"));
    }

    @Test
    void of_constantAmaxWithoutAScaleOfTheTensor_isRefused() {
        refused(
                "constant 3.0: FP8_PER_CHANNEL has no scale of the tensor that an amax would decide",
                rule("*q_proj.weight_quantizer", "cfg: {num_bits: e4m3, axis: 0, constant_amax: 3}"));
    }

    @Test
    void of_outputs_haveQuantizersWhereARuleSpeaksOfThem() {
        Site output = new Site("model.layers.0.self_attn.q_proj", Role.OUTPUT);
        Plan plan = plan(rule("*", OFF), rule("*_proj.output_quantizer", FP8), rule("*mlp*", OFF));

        assertThat(plan.format(output)).contains(Format.FP8);
        assertThat(plan.measuredSites()).contains(output);
        assertThat(plan.format(new Site("model.layers.0.mlp.experts.0.down_proj", Role.OUTPUT)))
                .isEmpty();
        assertThat(plan(rule("*q_proj*", FP8)).decision(output)).isEmpty();
        refused(
                "E4M3: no format for an output has the attributes (num_bits: e4m3, axis: 0)",
                rule("*_proj.output_quantizer", "cfg: {num_bits: e4m3, axis: 0}"));
    }

    // No pass shows what the head gives.
    @Test
    void of_outputs_leavesTheHeadAlone() {
        Plan plan = plan(rule("*.output_quantizer", FP8));

        assertThat(plan.decision(new Site("lm_head", Role.OUTPUT))).isEmpty();
        refused("matches none of this model", rule("lm_head.output_quantizer", FP8));
    }

    @Test
    void of_sequenceOfQuantizers_isAFormatOrRefused() {
        Plan plan = plan(rule("*q_proj.weight*", "cfg: [{num_bits: 4, block_sizes: {-1: 128}}, {num_bits: e4m3}]"));

        assertThat(plan.format(new Site("model.layers.0.self_attn.q_proj", Role.WEIGHT)))
                .contains(Format.INT4_FP8);
        refused(
                "E4M3, then INT4 in blocks: these 2 quantizers in sequence make no format; INT4 in groups, then FP8 of"
                        + " the tensor do",
                rule("*q_proj.weight*", "cfg: [{num_bits: e4m3}, {num_bits: 4, block_sizes: {-1: 128}}]"));
        refused(
                "constant 3.0: an amax of quantizers in sequence cannot be pinned",
                rule(
                        "*q_proj.weight*",
                        "cfg: [{num_bits: 4, block_sizes: {-1: 128}}, {num_bits: e4m3, constant_amax: 3}]"));
    }

    @Test
    void requireServable_staticBlocksUnderFp8Inputs_areRefused() {
        Plan plan = plan(
                rule("*q_proj.weight*", "cfg: {num_bits: e2m1, block_sizes: {-1: 16, type: static, scale_bits: e4m3}}"),
                rule("*q_proj.input*", FP8));

        assertThatThrownBy(plan::requireServable)
                .isInstanceOf(RecipeException.class)
                .hasMessageContaining("static blocks, but where the input is FP8");
    }

    @Test
    void of_refusedAttributesThatAreOffAgain_doNoHarm() {
        assertThatCode(() -> plan(rule("*", "cfg: {num_bits: 6}"), rule("*", OFF)))
                .doesNotThrowAnyException();
    }

    @Test
    void of_columnsThatBlocksDoNotDivide_namesTheModule() {
        List<ModuleInfo> odd = List.of(linear("model.layers.0.mlp.up_proj", 8, 24, -1));

        assertThatThrownBy(() -> Plan.of(recipe(rule("*", NVFP4)), odd))
                .isInstanceOf(RecipeException.class)
                .hasMessage("r.yaml:4:7: model.layers.0.mlp.up_proj.input_quantizer and 1 other: NVFP4 needs input"
                        + " features in multiples of 16, found 24");
    }

    @Test
    void of_severalProblems_countsTheOthers() {
        refused("(and 2 further problems)", rule("*q_proj*", "cfg: {num_bits: 6}"), rule("*none*", FP8));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "local_hessian",
                "gptq",
                "{method: lsq, scale_algorithm: {method: local_hessian}}",
                "mse",
                "{method: mse, fp8_scale_sweep: true}",
                "{method: mse, start_multiplier: 1.0, stop_multiplier: 1.5, step_size: 0.5}",
                "lsq",
                "{method: lsq, scale_algorithm: {method: mse, fp8_scale_sweep: true}}",
                "{method: lsq, scale_algorithm: {method: max}}",
            })
    void of_algorithmsThatSearchOrSolveWeights_areRun(String algorithm) {
        assertThatCode(() -> Plan.of(Recipe.parse(Path.of("r.yaml"), yaml(algorithm, rule("*", OFF))), modules()))
                .doesNotThrowAnyException();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{method: local_hessian, block_size: 32} | algorithm option block_size: 32: not supported; scales are those of blocks of 16",
                "[mse, max] | algorithm 'mse': not run by this version",
                "{method: gptq, layerwise: {get_qdq_activations_from_prev_layer: true}} | it needs layerwise.enable: true",
                "{method: mse, shared_states: {weight_global_amax: {}}} | algorithm option shared_states: {weight_global_amax: {}}: not supported",
                "{method: mse, step_size: 0.0001} | algorithm option step_size: multipliers from 0.25 to 4.0 in steps of 1.0E-4 are 37501, at most 4096 are tried",
            })
    void of_algorithmsOrOptionsThatAreNotRun_areRefused(String algorithm, String message) {
        assertThatThrownBy(() -> Plan.of(Recipe.parse(Path.of("r.yaml"), yaml(algorithm, rule("*", OFF))), modules()))
                .hasMessageContaining(message);
    }

    @Test
    void of_otherAlgorithms_areRefusedAtUse() {
        assertThatThrownBy(() -> Plan.of(Recipe.parse(Path.of("r.yaml"), yaml("svdquant", rule("*", OFF))), modules()))
                .hasMessage(
                        "r.yaml:2:23: algorithm 'svdquant': not run by this version; it runs one of 'max', 'mse',"
                                + " 'local_hessian', 'gptq', 'nvfp4_act_headroom', 'smoothquant', 'awq_lite' and 'lsq', or null for a recipe without calibration data");
        assertThatThrownBy(() ->
                        Plan.of(Recipe.parse(Path.of("r.yaml"), yaml("gptq", rule("*q_proj*", FP8))), modules()))
                .hasMessageContaining("'gptq' solves static NVFP4 blocks, and this weight has another format");
        assertThatThrownBy(() -> Plan.of(
                        Recipe.parse(
                                Path.of("r.yaml"), yaml("{method: max, moe_calib_experts_ratio: 0.5}", rule("*", OFF))),
                        modules()))
                .hasMessageContaining("moe_calib_experts_ratio: 0.5: not supported; use calibration.experts: all");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "smoothquant; 8",
                "nvfp4_act_headroom; e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}",
            })
    void of_algorithmOfInputs_saysWhereItHasNoEffect(String algorithm, String attributes) {
        String measured = "cfg: {num_bits: %s}".formatted(attributes);
        String pinned = "cfg: {num_bits: %s, constant_amax: 3}".formatted(attributes);

        assertThat(idle(algorithm, rule("*.input*", measured))).isEmpty();
        assertThat(idle(algorithm, rule("*.input*", pinned))).containsExactly(algorithm);
        assertThat(idle(algorithm, rule("*.input*", FP8))).containsExactly(algorithm);
    }

    private static List<String> idle(String algorithm, String rule) {
        return Plan.of(Recipe.parse(Path.of("r.yaml"), yaml(algorithm, rule("*", OFF), rule)), modules())
                .warnings()
                .stream()
                .filter(warning -> warning.code().equals("algorithm.without_effect"))
                .map(PlanWarning::subject)
                .toList();
    }

    @Test
    void of_noAlgorithm_allowsConstantsOnly() {
        Recipe constant = Recipe.parse(
                Path.of("r.yaml"),
                yaml("null", rule("*", OFF), rule("*q_proj.*", "cfg: {num_bits: e4m3, constant_amax: 448}")));
        assertThat(Plan.of(constant, modules()).measuredSites()).isEmpty();

        assertThatThrownBy(() -> Plan.of(
                        Recipe.parse(Path.of("r.yaml"), yaml("null", rule("*", OFF), rule("*q_proj.*", FP8))),
                        modules()))
                .hasMessageContaining(
                        "q_proj.input_quantizer: needs a measured amax, but the recipe's algorithm is null");
    }

    @Test
    void requireServable_pairWithoutAName_isRefused() {
        unservable(
                "model.layers.0.mlp.experts.0.gate_proj and 5 others: no server loads this pair of formats"
                        + " from ModelOpt's format: weight FP8, input as it is; export.format can be another",
                rule("*", OFF),
                rule("*.experts.*weight_quantizer", FP8));
        unservable(
                "model.layers.0.mlp.experts.0.gate_proj and 5 others: no server loads this pair of formats: weight"
                        + " NVFP4_32, input as it is; such a plan can be evaluated, or exported as scales",
                rule("*", OFF),
                rule(
                        "*.experts.*weight_quantizer",
                        "cfg: {num_bits: e2m1, block_sizes: {-1: 32, type: dynamic, scale_bits: e4m3}}"));
    }

    @Test
    void requireServable_joinedProjections_mustAgree() {
        unservable(
                "model.layers.0.self_attn.k_proj and 1 other: weight NVFP4, input NVFP4, but servers join it with q_proj, which has"
                        + " weight FP8, input FP8",
                rule("*", OFF),
                rule("*q_proj*", FP8),
                rule("*[kv]_proj*", NVFP4));
    }

    // Their blocks would be normalised differently under the one scale that servers take for both.
    @Test
    void requireServable_joinedProjectionsWithFourOverSixInOne_areRefused() {
        String blocks = "cfg: {num_bits: e2m1, block_sizes: {-1: 16, type: static, scale_bits: e4m3%s}}";
        Plan plan = plan(
                rule("*_proj.weight_quantizer", blocks.formatted("")),
                rule("*_proj.input_quantizer", NVFP4),
                rule("*k_proj.weight_quantizer", blocks.formatted(", four_over_six: true")),
                rule("*[kv]_bmm*", OFF));

        assertThatThrownBy(plan::requireServable)
                .hasMessageContaining(
                        "k_proj: one of q_proj and this has four_over_six, but servers join them under one scale");
    }

    @Test
    void requireServable_expertsOfALayer_mustAgree() {
        unservable(
                "model.layers.0.mlp.experts.0.down_proj and 1 other: weight FP8, input FP8, but the experts of a layer"
                        + " share one format, and others have weight NVFP4, input NVFP4",
                rule("*", OFF),
                rule("*.experts.*", NVFP4),
                rule("*.experts.*down_proj*", FP8));
    }

    @ParameterizedTest
    @CsvSource({
        "NVFP4, NVFP4, NVFP4",
        "FP8, FP8, FP8",
        "MXFP8, MXFP8, MXFP8",
        "FP8_PER_CHANNEL, FP8_DYNAMIC_TOKEN, FP8_PER_CHANNEL_PER_TOKEN",
    })
    void algorithm_knownPairs_haveModelOptsName(Format weight, Format input, String name) {
        assertThat(Scheme.of(weight, input).algorithm().map(QuantAlgo::word)).contains(name);
    }

    private static void unservable(String part, String... rules) {
        Plan plan = plan(rules);
        assertThatThrownBy(plan::requireServable)
                .isInstanceOf(RecipeException.class)
                .hasMessageContaining(part);
    }

    private static void refused(String part, String... rules) {
        assertThatThrownBy(() -> plan(rules))
                .isInstanceOf(RecipeException.class)
                .hasMessageContaining(part)
                .hasMessageNotContaining("\n");
    }

    private static Plan plan(String... rules) {
        return Plan.of(recipe(rules), modules());
    }

    private static Recipe recipe(String... rules) {
        return Recipe.parse(Path.of("r.yaml"), yaml("max", rules));
    }

    private static String yaml(String algorithm, String... rules) {
        StringBuilder yaml = new StringBuilder(
                "metadata: {recipe_type: ptq}\nquantize: {algorithm: %s,\n  quant_cfg: [\n".formatted(algorithm));
        for (String rule : rules) {
            yaml.append("      ").append(rule).append(",\n");
        }
        return yaml.append("  ]}\n").toString();
    }

    private static String rule(String pattern, String instruction) {
        return "{quantizer_name: '%s', %s}".formatted(pattern, instruction);
    }

    /// One layer of an MoE with two experts: 24 quantizers.
    private static List<ModuleInfo> modules() {
        List<ModuleInfo> modules = new ArrayList<>();
        for (String name : List.of("q_proj", "k_proj", "v_proj")) {
            modules.add(linear("model.layers.0.self_attn." + name, 32, 64, -1));
        }
        modules.add(new ModuleInfo("model.layers.0.self_attn", Kind.ATTENTION, 0, 0, 0, List.of()));
        modules.add(
                new ModuleInfo("model.layers.0.mlp.gate", Kind.ROUTER, 2, 64, 0, List.of("model.layers.0.mlp.gate")));
        for (int expert = 0; expert < 2; expert++) {
            for (String name : List.of("gate_proj", "up_proj", "down_proj")) {
                modules.add(linear("model.layers.0.mlp.experts.%d.%s".formatted(expert, name), 32, 64, expert));
            }
        }
        modules.add(new ModuleInfo("lm_head", Kind.HEAD, 100, 64, -1, List.of("lm_head")));
        return modules;
    }

    private static ModuleInfo linear(String name, int rows, int columns, int expert) {
        ModuleInfo module =
                new ModuleInfo(name, Kind.LINEAR, rows, columns, 0, List.of(name)).joinedAs(JoinedProjections.of(name));
        return expert < 0 ? module : module.of(ExpertNames.part(name).orElseThrow());
    }
}
