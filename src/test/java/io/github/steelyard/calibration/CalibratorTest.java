package io.github.steelyard.calibration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Measurement;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CalibratorTest {

    private static final Site SITE = new Site("layers.0.mlp.down_proj", Role.INPUT);

    @Test
    void max_isTheLargestMagnitude_andNothingForZeros() {
        Calibrator max = calibrator("max");

        assertThat(max.calibrate(SITE, Optional.empty(), new Measurement(3, 2, 0)))
                .contains(3f);
        assertThat(max.calibrate(SITE, Optional.empty(), new Measurement(0, 2, 0)))
                .isEmpty();
    }

    // A plan refuses them first; were one let through, no scale may come from maxima in its name.
    @ParameterizedTest
    @ValueSource(strings = {"awq_clip", "svdquant"})
    void of_algorithmWithoutCalibrator_isRefused(String method) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> calibrator(method))
                .withMessage("no calibrator for algorithm '%s'".formatted(method));
    }

    private static Calibrator calibrator(String method) {
        Recipe recipe = Recipe.parse(Path.of("test.yaml"), """
                metadata:
                  recipe_type: ptq
                quantize:
                  algorithm: %s
                  quant_cfg: [{quantizer_name: '*', enable: false}]
                """.formatted(method));
        return Calibrator.of(recipe);
    }
}
