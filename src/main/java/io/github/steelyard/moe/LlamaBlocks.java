package io.github.steelyard.moe;

import io.github.steelyard.checkpoint.ConfigJson;
import io.github.steelyard.model.Activation;
import io.github.steelyard.model.Attention;
import io.github.steelyard.model.AttentionCore;
import io.github.steelyard.model.AttentionMask;
import io.github.steelyard.model.DenseMlp;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.Modules;
import io.github.steelyard.model.Norm;
import io.github.steelyard.model.Rotary;
import io.github.steelyard.model.RotaryParameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The blocks that Llama introduced and most families share, in its naming.
record LlamaBlocks(CommonConfig common) {

    /// Returns grouped-query attention.
    Attention attention(
            String name, int layer, Attention.HeadNorm headNorm, Optional<Rotary> rotary, AttentionMask mask) {
        Modules modules = new Modules(layer);
        ConfigJson config = common.config();
        boolean biased = config.flag("attention_bias", false);
        int width = common.headWidth();
        List<String> inputs = List.of(name + ".q_proj", name + ".k_proj", name + ".v_proj");
        LinearGroup qkv = LinearGroup.of(
                modules.linear(inputs.get(0), common.heads() * width, common.hidden(), biased, inputs),
                modules.linear(inputs.get(1), common.keyHeads() * width, common.hidden(), biased, inputs),
                modules.linear(inputs.get(2), common.keyHeads() * width, common.hidden(), biased, inputs));
        String output = name + ".o_proj";
        LinearGroup o = LinearGroup.of(
                modules.linear(output, common.hidden(), common.heads() * width, biased, List.of(output)));
        return new Attention(
                modules.attention(name),
                qkv,
                o,
                headNorm,
                rotary,
                new AttentionCore(
                        common.heads(), common.keyHeads(), width, width, (float) (1 / Math.sqrt(width)), mask),
                Optional.empty(),
                Attention.Variations.NONE);
    }

    /// Returns the rotary embedding of the config.
    Rotary rotary(double defaultTheta) {
        RotaryParameters parameters = RotaryParameters.of(common.config());
        return parameters.rotary(parameters.rotatedDimensions(common.headWidth(), 1), defaultTheta, false);
    }

    /// Returns a norm on each head of queries and keys.
    Attention.HeadNorm perHeadNorm(String attention) {
        return new Attention.HeadNorm.PerHead(
                Norm.plain(attention + ".q_norm.weight", common.headWidth(), common.epsilon()),
                Norm.plain(attention + ".k_norm.weight", common.headWidth(), common.epsilon()));
    }

    /// Returns a gated MLP.
    DenseMlp mlp(String name, int layer, int inner, boolean biased) {
        Modules modules = new Modules(layer);
        List<String> inputs = List.of(name + ".gate_proj", name + ".up_proj");
        String down = name + ".down_proj";
        return new DenseMlp(
                LinearGroup.of(
                        modules.linear(inputs.get(0), inner, common.hidden(), biased, inputs),
                        modules.linear(inputs.get(1), inner, common.hidden(), biased, inputs)),
                new Activation.GatedSilu(),
                LinearGroup.of(modules.linear(down, common.hidden(), inner, biased, List.of(down))));
    }

    /// Returns gated experts `name.0`, `name.1`, … with weights of their own.
    ///
    /// @param gate name of the gate projection: `gate_proj` or `w1`
    List<Expert> experts(String name, int layer, int count, int inner, String gate, String up, String down) {
        Modules modules = new Modules(layer);
        List<Expert> experts = new ArrayList<>(count);
        for (int e = 0; e < count; e++) {
            String prefix = name + "." + e + ".";
            List<String> inputs = List.of(prefix + gate, prefix + up);
            String second = prefix + down;
            experts.add(Expert.gated(
                    Linear.of(modules.expert(inputs.get(0), inner, common.hidden(), e, inputs)),
                    Linear.of(modules.expert(inputs.get(1), inner, common.hidden(), e, inputs)),
                    Linear.of(modules.expert(second, common.hidden(), inner, e, List.of(second)))));
        }
        return experts;
    }
}
