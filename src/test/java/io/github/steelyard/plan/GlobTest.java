package io.github.steelyard.plan;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class GlobTest {

    @ParameterizedTest
    @CsvSource({
        "*.experts.*weight_quantizer, model.layers.0.mlp.experts.3.up_proj.weight_quantizer, true",
        "*.experts.*weight_quantizer, model.layers.0.mlp.shared_experts.up_proj.weight_quantizer, false",
        "mtp.*, mtp.layers.0.up_proj.weight_quantizer, true",
        "mtp.*, model.mtp.layers.0.up_proj.weight_quantizer, false",
        "*[kv]_bmm_quantizer, model.layers.0.self_attn.k_bmm_quantizer, true",
        "*[kv]_bmm_quantizer, model.layers.0.self_attn.q_bmm_quantizer, false",
        "*mlp.gate.*, model.layers.0.mlp.gate_proj.weight_quantizer, false",
        "*LM_HEAD*, lm_head.weight_quantizer, false",
        "lm_head, lm_head.weight_quantizer, false",
    })
    void matches_houseStyle_isAnchoredAndCrossesDots(String pattern, String name, boolean expected) {
        assertThat(Glob.of(pattern).matches(name)).isEqualTo(expected);
    }

    @Test
    @Timeout(5)
    void matches_manyStars_takesNoExponentialTime() {
        Glob glob = Glob.of("*a".repeat(200) + "b");

        assertThat(glob.matches("a".repeat(5_000))).isFalse();
    }
}
