package io.github.steelyard.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.corpus.DataSource;
import io.github.steelyard.format.Format;
import io.github.steelyard.quant.AmaxSource;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.CalibrationOptions.Experts;
import io.github.steelyard.recipe.CalibrationOptions.StarvedExperts;
import io.github.steelyard.recipe.CalibrationOptions.UnmatchedRules;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class RecipeTest {

    private static final Path NAME = Path.of("dir/r.yaml");
    private static final String HEAD = """
            metadata: {recipe_type: ptq}
            quantize:
              algorithm: max
              quant_cfg: [{quantizer_name: '*', enable: false}]
            """;

    @Test
    void parse_ownSectionsLeftOut_haveDefaults() {
        Recipe recipe = Recipe.parse(NAME, HEAD);

        assertThat(recipe.calibration()).isEqualTo(CalibrationOptions.DEFAULT);
        assertThat(recipe.data()).isEqualTo(DataOptions.DEFAULT);
        assertThat(recipe.export()).isEqualTo(ExportOptions.DEFAULT);
        assertThat(recipe.algorithms()).extracting(Algorithm::method).containsExactly(Algorithm.Max.DEFAULT);
    }

    @Test
    void parse_ownSections_areRead() {
        Recipe recipe = Recipe.parse(NAME, HEAD + """
                calibration: {experts: all, min_tokens: 64, starved_experts: all_tokens, unmatched_rules: warn,
                              moe_backend: decomposed, histogram: {percentile: 99.5}}
                data:
                  path: text.jsonl
                  max_sequences: 8
                  sequence_length: 128
                  packing: concatenate
                  seed: 7
                  add_special_tokens: false
                export: {format: scales, sharing: layer, shard_size: 512MiB}
                """);

        assertThat(recipe.calibration())
                .isEqualTo(new CalibrationOptions(
                        Experts.ALL,
                        64,
                        StarvedExperts.ALL_TOKENS,
                        UnmatchedRules.WARN,
                        Optional.of("decomposed"),
                        new HistogramOptions(HistogramOptions.Method.PERCENTILE, 99.5),
                        Drawing.AT_ONCE));
        assertThat(recipe.data())
                .isEqualTo(new DataOptions(
                        List.of(DataSource.of(Path.of("dir/text.jsonl"))),
                        OptionalInt.of(8),
                        128,
                        DataOptions.Packing.CONCATENATE,
                        OptionalLong.of(7),
                        false));
        assertThat(recipe.export())
                .isEqualTo(new ExportOptions(
                        ExportOptions.Format.SCALES, ExportOptions.Sharing.LAYER, 512L * 1024 * 1024));
    }

    @Test
    void parse_sources_haveTheirWeights() {
        String text = HEAD + "data: {sources: [a.jsonl, {path: 'b/*.gz', weight: 2.5}]}\n";

        assertThat(Recipe.parse(NAME, text).data().sources())
                .containsExactly(DataSource.of(Path.of("dir/a.jsonl")), new DataSource(Path.of("dir/b/*.gz"), 2.5));
        refused(
                HEAD + "data: {sources: [a.jsonl], path: b.jsonl}\n",
                "dir/r.yaml:5:34: data.path and data.sources exclude each other");
        refused(HEAD + "data: {sources: []}\n", "data.sources: expected a list of 1 to 1000 sources, found ");
        refused(HEAD + "data: {sources: [{weight: 1}]}\n", "missing key 'data.sources[0].path'");
        refused(HEAD + "data: {sources: [{path: a, weight: 0}]}\n", "data.sources[0].weight: expected a number ");
    }

    @Test
    void parse_allTokensForStarvedExperts_meansAllExperts() {
        assertThat(Recipe.parse(NAME, HEAD + "calibration: {starved_experts: all_tokens}\n")
                        .calibration()
                        .experts())
                .isEqualTo(Experts.ALL);
        refused(
                HEAD + "calibration: {starved_experts: all_tokens, experts: routed}\n",
                "dir/r.yaml:5:53: calibration.starved_experts: all_tokens needs calibration.experts: all, found routed");
    }

    @Test
    void parse_drawing_isReadAndHasDefaults() {
        assertThat(drawing("{experts: top_up}"))
                .isEqualTo(new Drawing(
                        OptionalInt.of(64), Optional.empty(), 128, OptionalLong.empty(), OptionalDouble.empty()));
        assertThat(drawing("{experts: top_up, min_tokens: 200}").targetTokens()).hasValue(200);
        assertThat(drawing("{until_converged: {}}"))
                .isEqualTo(new Drawing(
                        OptionalInt.empty(),
                        Optional.of(new Drawing.Convergence(1.02, 0.25)),
                        128,
                        OptionalLong.empty(),
                        OptionalDouble.empty()));
        assertThat(drawing(
                        "{experts: top_up, target_tokens: 9, round_sequences: 3, budget: {tokens: 500, minutes: 0.5},"
                                + " until_converged: {growth: 1, share: 0.5}}"))
                .isEqualTo(new Drawing(
                        OptionalInt.of(9),
                        Optional.of(new Drawing.Convergence(1, 0.5)),
                        3,
                        OptionalLong.of(500),
                        OptionalDouble.of(0.5)));
    }

    private static Drawing drawing(String calibration) {
        return Recipe.parse(NAME, HEAD + "calibration: " + calibration + "\n")
                .calibration()
                .drawing();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "colour: red | dir/r.yaml:5:1: unknown key 'colour'; known are calibration, data, export, metadata, quantize",
                "calibration: {min_token: 1} | dir/r.yaml:5:15: unknown key 'min_token' in calibration; known are budget, experts,"
                        + " histogram, min_tokens, moe_backend, round_sequences, starved_experts, target_tokens, unmatched_rules,"
                        + " until_converged",
                "calibration: {min_tokens: -1} | dir/r.yaml:5:27: calibration.min_tokens: expected an integer from 0 to"
                        + " 9223372036854775807, found an integer '-1'",
                "calibration: {experts: some} | dir/r.yaml:5:24: calibration.experts: expected routed or all or top_up, found text"
                        + " 'some'",
                "calibration: {target_tokens: 9} | dir/r.yaml:5:30: calibration.target_tokens: needs calibration.experts: top_up",
                "calibration: {experts: top_up, target_tokens: 4097} | dir/r.yaml:5:47: calibration.target_tokens: expected"
                        + " an integer from 1 to 4096, found an integer '4097'",
                "calibration: {experts: top_up, target_tokens: 9, min_tokens: 10} | dir/r.yaml:5:47:"
                        + " calibration.target_tokens: expected an integer from 10 to 4096, found an integer '9'",
                "calibration: {experts: top_up, min_tokens: 5000} | dir/r.yaml:5:44: calibration.min_tokens: expected at"
                        + " most 4096 with experts: top_up, found 5000",
                "calibration: {experts: top_up, starved_experts: all_tokens} | dir/r.yaml:5:24: calibration.starved_experts:"
                        + " all_tokens needs calibration.experts: all, found top_up",
                "calibration: {round_sequences: 9} | dir/r.yaml:5:32: calibration.round_sequences: needs"
                        + " calibration.experts: top_up, or calibration.until_converged",
                "calibration: {budget: {minutes: 1}} | dir/r.yaml:5:23: calibration.budget: needs"
                        + " calibration.experts: top_up, or calibration.until_converged",
                "calibration: {experts: top_up, budget: {minutes: 0}} | dir/r.yaml:5:50: calibration.budget.minutes: expected"
                        + " a number above 0, at most 1000000.0, found an integer '0'",
                "calibration: {experts: top_up, budget: {tokens: 0}} | dir/r.yaml:5:49: calibration.budget.tokens: expected"
                        + " an integer from 1 to 9223372036854775807, found an integer '0'",
                "calibration: {experts: top_up, budget: {samples: 1}} | dir/r.yaml:5:41: unknown key 'samples' in"
                        + " calibration.budget; known are minutes, tokens",
                "calibration: {until_converged: {share: 1}} | dir/r.yaml:5:40: calibration.until_converged.share: expected a"
                        + " number between 0 and 1, found an integer '1'",
                "calibration: {until_converged: {growth: 0.9}} | dir/r.yaml:5:41: calibration.until_converged.growth:"
                        + " expected a number from 1.0 to 1000000.0, found a number '0.9'",
                "calibration: {until_converged: true} | dir/r.yaml:5:32: calibration.until_converged: expected a mapping,"
                        + " found a boolean 'true'",
                "calibration: [] | dir/r.yaml:5:14: calibration: expected a mapping, found a list",
                "data: {sequence_length: 0} | dir/r.yaml:5:25: data.sequence_length: expected an integer from 1 to 1048576,"
                        + " found an integer '0'",
                "data: {sequence_length: 010} | dir/r.yaml:5:25: data.sequence_length: expected a decimal integer, found an"
                        + " integer '010'",
                "data: {add_special_tokens: 1} | dir/r.yaml:5:28: data.add_special_tokens: expected true or false, found an"
                        + " integer '1'",
                "export: {shard_size: 5} | dir/r.yaml:5:22: export.shard_size: expected a size like 5GB or 512MiB, found an"
                        + " integer '5'",
                "export: {shard_size: 0GB} | dir/r.yaml:5:22: export.shard_size: expected a size like 5GB or 512MiB, found"
                        + " text '0GB'",
            })
    void parse_badOwnSection_namesPlaceWantedAndFound(String section, String message) {
        refused(HEAD + section + "\n", message);
    }

    @Test
    void parse_unknownKeyInARule_namesItsPlace() {
        refused(
                rules("- {quantizer_name: '*', enabled: false}"),
                "dir/r.yaml:4:29: unknown key 'enabled' in quant_cfg");
        refused(
                rules("- {quantizer_name: '*', cfg: {num_bits: e4m3, block_sizes: {-1: 16, kind: dynamic}}}"),
                "'kind'");
        refused(rules("- {enable: false}"), "dir/r.yaml:4:7: missing key 'quant_cfg.quantizer_name'");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "num_bits: e9m9 | no floating-point code has 9 exponent and 9 mantissa bits",
                "num_bits: e4m4 | num_bits: no such code e4m4",
                "num_bits: e9m9x | expected a code like e4m3, found text 'e9m9x'",
                "num_bits: 0 | num_bits must be at least 1, found 0",
                "num_bits: 8.5 | expected a decimal integer",
                "num_bits: e5m2 | num_bits e5m2 needs block_sizes with type: dynamic",
                "num_bits: e4m3, constant_amax: 0 | constant_amax must be positive and finite, found 0.0",
                "num_bits: e4m3, constant_amax: -1.5 | constant_amax must be positive and finite, found -1.5",
                "num_bits: e4m3, constant_amax: .nan | expected a finite decimal number",
                "num_bits: e4m3, constant_amax: 1.0e+60 | constant_amax must be positive and finite, found Infinity",
                "num_bits: e4m3, type: live | expected static or dynamic",
                "num_bits: e4m3, block_sizes: {type: dynamic} | block_sizes names no axis",
                "num_bits: e4m3, block_sizes: {-1: 16, -2: 16, type: dynamic} | dynamic blocks lie along one axis only",
                "num_bits: e4m3, block_sizes: {-1: 0} | expected an integer from 1 to",
                "num_bits: e4m3, learn_amax: true | ModelOpt no longer accepts true",
                "num_bits: e4m3, calibrator: median | expected histogram or max",
                "num_bits: e4m3, effective_bits: 17 | expected a number in (0, 16]",
                "num_bits: e4m3, bias: {type: static} | bias names no axis",
                "num_bits: e4m3, enable: false | inside cfg has no effect in ModelOpt",
                "num_bits: e4m3, rotate: {angle: 3} | unknown key 'angle' in cfg.rotate",
            })
    void parse_badAttribute_isRefused(String cfg, String message) {
        refused(rules("- {quantizer_name: '*', cfg: {%s}}".formatted(cfg)), message);
    }

    @Test
    void parse_attributesNotActedOn_areKept() {
        Recipe recipe = Recipe.parse(NAME, rules("""
                - quantizer_name: '*'
                      cfg:
                        num_bits: e4m3
                        fake_quant: true
                        calibrator: [calib.Own, {num_bins: 8}]
                        rotate: {enable: true, block_size: 16}
                        pass_through_bwd: false
                        effective_bits: 8
                        bias: {-2: null, type: static, method: mean}"""));
        QuantizerConfig config = recipe.rules().getFirst().stages().getFirst();

        assertThat(config.unsupported())
                .containsOnlyKeys("bias", "calibrator", "rotate")
                .containsEntry("rotate", "{enable: true, block_size: 16}");
        assertThat(config.withoutEffect()).containsOnlyKeys("effective_bits", "pass_through_bwd");
        assertThat(config.format()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "num_bits: e4m3 | FP8",
                "num_bits: [4, 3], axis: null | FP8",
                "num_bits: e4m3, axis: 0 | FP8_PER_CHANNEL",
                "num_bits: e4m3, block_sizes: {-1: 128, -2: 128} | FP8_BLOCK",
                "num_bits: e4m3, type: dynamic, block_sizes: {-1: null} | FP8_DYNAMIC_TOKEN",
                "num_bits: e4m3, block_sizes: {-1: null, type: dynamic} | FP8_DYNAMIC_TOKEN",
                "num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3} | NVFP4",
                "num_bits: e2m1, block_sizes: {-1: 16, type: static, scale_bits: e4m3} | NVFP4",
                "num_bits: e2m1, block_sizes: {-1: 16, scale_bits: e4m3, four_over_six: true} | NVFP4",
                "num_bits: e2m1, block_sizes: {-1: 16, type: static, scale_bits: e4m3, four_over_six: 1} | NVFP4",
                "num_bits: e2m1, block_sizes: {-1: 32, type: dynamic, scale_bits: e8m0} | MXFP4",
                "num_bits: e4m3, block_sizes: {-1: 32, type: dynamic, scale_bits: e8m0} | MXFP8",
            })
    void parse_attributesOfModelOptsPresets_giveTheirFormat(String cfg, Format format) {
        assertThat(config(cfg).format()).contains(format);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "num_bits: 5",
                "num_bits: e4m3, axis: 1",
                "num_bits: e4m3, type: dynamic",
                "num_bits: e2m1, block_sizes: {-1: 64, type: dynamic, scale_bits: e4m3}",
                "num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3, four_over_six: true}",
                "num_bits: e2m1, type: dynamic, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}",
                "num_bits: e2m1, block_sizes: {-1: 16, type: dynamic}",
                "num_bits: e3m2, block_sizes: {-1: 32, type: dynamic, scale_bits: e8m0}",
            })
    void parse_attributesOfNoFormatHere_giveNone(String cfg) {
        assertThat(config(cfg).format()).isEmpty();
    }

    @Test
    void parse_constantAmax_isASource() {
        assertThat(config("num_bits: e4m3, constant_amax: 2688").amax()).isEqualTo(new AmaxSource.Constant(2688f));
        assertThat(config("num_bits: e4m3, constant_amax: 2688").pinnedAmax()).contains(2688f);
        assertThat(config("num_bits: e4m3, use_constant_amax: true").pinnedAmax())
                .contains(448f);
        assertThat(config("num_bits: e4m3").pinnedAmax()).isEmpty();
    }

    @Test
    void parse_algorithms_areKnownByName() {
        assertThat(algorithm("null").method()).isEqualTo(new Algorithm.None());
        Algorithm mse = algorithm("{method: mse, fp8_scale_sweep: true, step_size: null, layerwise: {enable: false}}");
        assertThat(mse.method())
                .isEqualTo(new Algorithm.Mse(new Algorithm.Search(0.25, 4, 0.1, true), Optional.empty()));
        assertThat(mse.written()).containsExactly("fp8_scale_sweep", "layerwise.enable");
        assertThat(algorithm("gptq"))
                .extracting(Algorithm::method, found -> found.layerwise().quantisedInputs())
                .containsExactly(new Algorithm.Gptq(0.01, 128), true);
        assertThat(algorithm("{method: nvfp4_act_headroom, weight_scale_algorithm: {method: mse, step_size: 0.5}}")
                        .method())
                .isEqualTo(new Algorithm.ActHeadroom(
                        1,
                        99.99,
                        16384,
                        new Algorithm.Mse(new Algorithm.Search(0.25, 4, 0.5, false), Optional.empty())));
        refused(HEAD.replace("max", "maximum"), "dir/r.yaml:3:14: quantize.algorithm: no such method 'maximum'");
        refused(
                HEAD.replace("max", "{method: max, rho: 1}"),
                "dir/r.yaml:3:28: unknown key 'rho' in quantize.algorithm");
    }

    @Test
    void parse_algorithmOptionsOutOfRange_areRefused() {
        refused(
                HEAD.replace("max", "{method: mse, step_size: 0}"),
                "quantize.algorithm.step_size: expected a number from 1.0E-6 to 1048576.0, found an integer '0'");
        refused(
                HEAD.replace("max", "{method: gptq, block_size: 0}"),
                "quantize.algorithm.block_size: expected an integer from 1 to 1048576, found an integer '0'");
        refused(
                HEAD.replace("max", "{method: max, moe_calib_experts_ratio: 1.5}"),
                "quantize.algorithm.moe_calib_experts_ratio: expected a number from 4.9E-324 to 1.0, found");
        refused(
                HEAD.replace("max", "{method: lsq, scale_algorithm: {method: mse, sweep: 1}}"),
                "unknown key 'sweep' in quantize.algorithm.scale_algorithm");
    }

    @Test
    void parse_otherRecipeTypes_areNamed() {
        refused(HEAD.replace("ptq", "auto_quantize"), "'auto_quantize' is not supported; Steelyard runs 'ptq'");
        refused(HEAD.replace("ptq", "sparsity"), "dir/r.yaml:1:25: metadata.recipe_type: expected 'ptq'");
    }

    @Test
    void parse_severalDocuments_areRefused() {
        refused(HEAD + "---\n" + HEAD, "dir/r.yaml: a recipe is one YAML document, found 2");
        refused("", "dir/r.yaml: a recipe is one YAML document, found 0");
        refused("- a\n", "dir/r.yaml:1:1: expected a mapping, found a list");
    }

    @Test
    void digest_otherLayoutSameMeaning_isEqual() {
        Recipe block = Recipe.parse(NAME, """
                # A comment.
                quantize:
                  quant_cfg:
                    - enable: no
                      quantizer_name: "*"
                  algorithm: max
                metadata: {recipe_type: 'ptq'}
                """);

        assertThat(block.digest()).isEqualTo(Recipe.parse(NAME, HEAD).digest()).hasSize(64);
        assertThat(block.digest())
                .isNotEqualTo(Recipe.parse(NAME, HEAD.replace("false", "true")).digest());
    }

    private static QuantizerConfig config(String cfg) {
        return Recipe.parse(NAME, rules("- {quantizer_name: '*', cfg: {%s}}".formatted(cfg)))
                .rules()
                .getFirst()
                .stages()
                .getFirst();
    }

    private static Algorithm algorithm(String text) {
        return Recipe.parse(NAME, HEAD.replace("max", text)).algorithms().getFirst();
    }

    private static String rules(String rules) {
        return "metadata: {recipe_type: ptq}\nquantize:\n  quant_cfg:\n    " + rules + "\n";
    }

    private static void refused(String yaml, String part) {
        assertThatThrownBy(() -> Recipe.parse(NAME, yaml))
                .isInstanceOf(RecipeException.class)
                .hasMessageContaining(part)
                .hasMessageStartingWith("dir/r.yaml:")
                .hasMessageNotContaining("\n");
    }
}
