package io.github.steelyard.declare;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

final class ExcludeListTest {

    @Test
    void summarise_attentionBesideExperts_collapsesAtTheDot() {
        List<String> entries = ExcludeList.summarise(
                List.of("lm_head", "model.embed_tokens", "model.layers.0.mlp.gate", "model.layers.0.self_attn.q_proj"),
                List.of("model.layers.0.mlp.experts.0.up_proj"));

        assertThat(entries)
                .containsExactly(
                        "lm_head", "model.embed_tokens", "model.layers.0.mlp.gate", "model.layers.0.self_attn*");
    }

    @Test
    void summarise_wholeLayer_collapsesToTheLayer() {
        assertThat(ExcludeList.summarise(
                        List.of("model.layers.1.mlp.down_proj", "model.layers.1.self_attn.q_proj"),
                        List.of("model.layers.0.mlp.experts.0.up_proj")))
                .containsExactly("model.layers.1*");
    }

    @Test
    void summarise_layerWhoseNumberStartsAnother_doesNotCatchTheOther() {
        assertThat(ExcludeList.summarise(
                        List.of("model.layers.1.mlp.down_proj"), List.of("model.layers.10.mlp.down_proj")))
                .containsExactly("model.layers.1.mlp*");
    }

    @Test
    void summarise_routerNamedLikeItsSibling_isKept() {
        assertThat(ExcludeList.summarise(
                        List.of("m.mlp.shared_expert.up_proj", "m.mlp.shared_expert_gate"),
                        List.of("m.mlp.experts.0.up_proj")))
                .containsExactly("m.mlp.shared_expert*", "m.mlp.shared_expert_gate");
    }

    @Test
    void matches_prefixAndName_onlyWhatTheyName() {
        assertThat(ExcludeList.matches("model.layers.0*", "model.layers.0.mlp.gate"))
                .isTrue();
        assertThat(ExcludeList.matches("lm_head", "lm_head")).isTrue();
        assertThat(ExcludeList.matches("lm_head", "lm_head_2")).isFalse();
        // What a peer writes for one family: no module has such a name.
        assertThat(ExcludeList.matches("lm_head.\u0000backbone.pt_name_sentinel", "lm_head"))
                .isFalse();
    }
}
