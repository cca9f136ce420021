package io.github.steelyard.dialect;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// The names below are literals on purpose: they are what publishers write.
final class StoredNamesTest {

    @Test
    void scale_severalNames_prefersThatOfBlocks() {
        assertThat(StoredNames.scales("m")).containsExactly("m.weight_scale_inv", "m.weight_scale", "m.scale");
        assertThat(StoredNames.scale(Set.of("m.scale", "m.weight_scale")::contains, "m"))
                .contains("m.weight_scale");
        assertThat(StoredNames.scale(Set.of("n.weight_scale")::contains, "m")).isEmpty();
    }

    @Test
    void input_multiplierBesideAReciprocal_isTaken() {
        assertThat(StoredNames.input(Set.of("m.input_global_scale", "m.activation_scale")::contains, "m"))
                .contains(new StoredNames.Input("m.activation_scale", false));
        assertThat(StoredNames.input(Set.of("m.input_global_scale")::contains, "m"))
                .contains(new StoredNames.Input("m.input_global_scale", true));
    }

    @Test
    void all_module_listsEveryPublishersNames() {
        assertThat(StoredNames.all("m"))
                .containsExactlyInAnyOrder(
                        "m.weight",
                        "m.weight_packed",
                        "m.weight_shape",
                        "m.weight_zero_point",
                        "m.weight_scale",
                        "m.weight_scale_inv",
                        "m.weight_scale_2",
                        "m.weight_global_scale",
                        "m.scale",
                        "m.input_scale",
                        "m.activation_scale",
                        "m.input_global_scale");
    }

    @Test
    void allOfStack_listsEveryPublishersNames() {
        assertThat(StoredNames.allOfStack("e.down_proj"))
                .isEqualTo(List.of(
                        "e.down_proj",
                        "e.down_proj_blocks",
                        "e.down_proj_scales",
                        "e.down_proj_weight_scale",
                        "e.down_proj_weight_scale_2",
                        "e.down_proj_input_scale",
                        "e.down_proj_weight_scale_inv",
                        "e.down_proj_scale_inv"));
    }

    @Test
    void isWeight_codesOfAnyDialect_areWeights() {
        assertThat(List.of("m.weight", "a.b.weight_packed")).allMatch(StoredNames::isWeight);
        assertThat(List.of("m.weight_scale", "weights", "m.bias")).noneMatch(StoredNames::isWeight);
    }

    @Test
    void cacheNames_keys_endWithThoseOfBoth() {
        assertThat(CacheNames.all("a", true))
                .startsWith("a.k_proj.k_scale", "a.k_scale")
                .endsWith("a.kv_scale", "a.attn.kv_scale", "a.qkv_proj.kv_scale");
        assertThat(CacheNames.all("a")).doesNotHaveDuplicates().hasSize(13);
    }
}
