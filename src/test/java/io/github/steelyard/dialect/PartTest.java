package io.github.steelyard.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class PartTest {

    @ParameterizedTest
    @CsvSource({
        "m.weight, m, WEIGHT",
        "m.weight_packed, m, WEIGHT_PACKED",
        "m.weight_scale_2, m, WEIGHT_SCALE_2",
        "m.activation_scale, m, INPUT_SCALE",
        "a.k_proj.k_scale, a.k_proj, K_SCALE",
        "e.down_proj_weight_scale_2, e.down_proj, WEIGHT_SCALE_2",
        "e.down_proj_input_scale, e.down_proj, INPUT_SCALE"
    })
    void of_name_saysModuleAndPart(String tensor, String module, Part part) {
        assertThat(Part.of(tensor, 2, name -> false)).contains(new Part.Place(module, part));
    }

    @Test
    void of_stack_isToldByItsExtentsOrByWhatLiesBeside() {
        assertThat(Part.of("e.down_proj", 3, name -> false)).contains(new Part.Place("e.down_proj", Part.WEIGHT));
        assertThat(Part.of("e.down_proj", 2, Set.of("e.down_proj_scale_inv")::contains))
                .contains(new Part.Place("e.down_proj", Part.WEIGHT));
        assertThat(Part.of("e.down_proj_blocks", 4, Set.of("e.down_proj_blocks")::contains))
                .contains(new Part.Place("e.down_proj", Part.BLOCKS));
        assertThat(Part.of("e.down_proj", 2, name -> false)).isEmpty();
    }

    @Test
    void of_scaleOfALayer_isNoScaleOfAWeight() {
        assertThat(Part.of("layer.scale", 1, Set.of("layer.scale")::contains)).isEmpty();
        assertThat(Part.of("m.scale", 2, Set.of("m.weight")::contains))
                .contains(new Part.Place("m", Part.WEIGHT_SCALE_INV));
    }

    @Test
    void in_part_isTheNameThatIsWritten() {
        assertThat(Part.WEIGHT_SCALE_INV.in("m")).isEqualTo("m.weight_scale_inv");
    }
}
