package io.github.steelyard.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Values set over a recipe.
final class SettingTest {

    private static final String RECIPE = """
            metadata: {recipe_type: ptq}
            quantize:
              algorithm: max
              quant_cfg:
                - {quantizer_name: '*', enable: false}
                - {quantizer_name: 'a', cfg: {num_bits: e4m3, axis: 0}}
            calibration: {min_tokens: 7}
            """;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "quantize.algorithm.method=mse | {\"method\":\"mse\"}",
                "quantize.algorithm.layerwise.enable=false | {\"layerwise\":{\"enable\":false},\"method\":\"max\"}",
                "quantize.algorithm={method: mse, fp8_scale_sweep: true} | {\"fp8_scale_sweep\":true,\"method\":\"mse\"}",
                "quantize.algorithm=[awq_lite, max] | [\"awq_lite\",\"max\"]",
                "quantize.algorithm= | null",
            })
    void algorithm_isSetAsGiven(String setting, String algorithm) {
        assertThat(read(setting).resolved()).contains("\"algorithm\":" + algorithm);
    }

    @Test
    void listItems_areNumbered() {
        assertThat(read("quantize.quant_cfg[1].cfg.num_bits=e2m1")
                        .rules()
                        .get(1)
                        .text())
                .isEqualTo("a: on, [num_bits: e2m1, axis: 0]");
        assertThat(read("quantize.quant_cfg.1.enable=false").rules().get(1).enable())
                .isFalse();
        assertThat(read("quantize.algorithm=[max, max]", "quantize.algorithm[1].method=mse")
                        .algorithms())
                .extracting(algorithm -> algorithm.method().name())
                .containsExactly("max", "mse");
    }

    @Test
    void mapping_isMerged_andTheLastCounts() {
        Recipe recipe = read(
                "quantize.quant_cfg[1].cfg={axis: null, constant_amax: 2}",
                "calibration.min_tokens=1",
                "calibration.min_tokens=2");

        assertThat(recipe.rules().get(1).text()).isEqualTo("a: on, [num_bits: e4m3, constant_amax: 2.0]");
        assertThat(recipe.calibration().minTokens()).isEqualTo(2);
        assertThat(recipe.settings()).hasSize(3);
    }

    @Test
    void whatIsMissing_isMade_andReadLikeTheFile() {
        assertThat(read("export.sharing=layer").export().sharing()).isEqualTo(ExportOptions.Sharing.LAYER);
        assertThat(read("data.max_sequences=5").digest())
                .isEqualTo(Recipe.parse(Path.of("r.yaml"), RECIPE + "data: {max_sequences: 5}\n")
                        .digest());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "quantize.algorithm.methd=mse | --set quantize.algorithm.methd:1:1: unknown key 'methd'",
                "quantize.algorithm.method=msee | --set quantize.algorithm.method:1:1: quantize.algorithm.method: no such",
                "calibration.min_tokens=[1 | --set calibration.min_tokens:",
                "calibration.min_tokens=many | expected a decimal integer, found text 'many'",
                "quantize.quant_cfg[2].enable=true | quantize.quant_cfg is a list of 2; '2' is none of 0 to 1",
                "quantize.quant_cfg.first.enable=true | 'first' is none of 0 to 1",
                "no_such.key=1 | unknown key 'no_such'",
                "quantize=1 | quantize: expected a mapping",
            })
    void wrongSetting_isNamed(String setting, String message) {
        assertThatThrownBy(() -> read(setting))
                .isInstanceOf(RecipeException.class)
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a", "=1", "a..b=1", ".a=1", "a[=1", "a[x]=1", "a b=1"})
    void settingWithoutAKey_isRefused(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Setting(text))
                .withMessageStartingWith("expected KEY=VALUE with a key such as quantize.algorithm.method, found '");
    }

    @ParameterizedTest
    @ValueSource(strings = {".a", "[0]"})
    void settingOfMoreStepsThanAFileHas_isRefused(String step) {
        assertThat(new Setting("a" + step.repeat(63) + "=1").toString()).endsWith("=1");
        for (int steps : new int[] {64, 100_000}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new Setting("a" + step.repeat(steps) + "=1"))
                    .withMessageStartingWith("expected KEY=VALUE with a key such as ");
        }
    }

    private static Recipe read(String... settings) {
        return Recipe.parse(
                Path.of("r.yaml"), RECIPE, Stream.of(settings).map(Setting::new).toList());
    }

    @Test
    void noSetting_changesNothing() {
        assertThat(read().resolved())
                .isEqualTo(Recipe.parse(Path.of("r.yaml"), RECIPE).resolved());
        assertThat(read().settings()).isEqualTo(List.of());
    }
}
