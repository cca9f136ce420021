package io.github.steelyard.family;

import io.github.steelyard.mixer.Attention;
import io.github.steelyard.mixer.AttentionCore;
import io.github.steelyard.mixer.Rotary;
import io.github.steelyard.mixer.RotaryParameters;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.Modules;
import io.github.steelyard.moe.Activation;
import io.github.steelyard.moe.DenseMlp;
import java.util.List;

/// The blocks that Llama introduced and most families share, in its naming.
record LlamaBlocks(CommonConfig common) {

    /// Returns grouped-query attention, with biases if the config says so.
    Attention attention(String name, int layer, AttentionStyle style) {
        boolean biased = common.config().flag("attention_bias", false);
        return attention(name, layer, style, biased, biased && style.outputBias());
    }

    /// @param biased whether q, k and v have biases
    /// @param outputBiased whether o has one
    Attention attention(String name, int layer, AttentionStyle style, boolean biased, boolean outputBiased) {
        Modules modules = new Modules(layer);
        int width = common.headWidth();
        int queries = common.heads() * width;
        int keys = common.keyHeads() * width;
        int queryRows = style.variations().gated() ? 2 * queries : queries;
        List<String> inputs = List.of(name + ".q_proj", name + ".k_proj", name + ".v_proj");
        LinearGroup qkv = LinearGroup.of(
                modules.linear(inputs.get(0), queryRows, common.hidden(), biased, inputs),
                modules.linear(inputs.get(1), keys, common.hidden(), biased, inputs),
                modules.linear(inputs.get(2), keys, common.hidden(), biased, inputs));
        String output = name + ".o_proj";
        LinearGroup o = LinearGroup.of(modules.linear(output, common.hidden(), queries, outputBiased, List.of(output)));
        return new Attention(
                modules.attention(name),
                qkv,
                o,
                style.headNorm(),
                style.rotary(),
                new AttentionCore(
                        common.heads(), common.keyHeads(), width, width, (float) (1 / Math.sqrt(width)), style.mask()),
                style.sinks(),
                style.variations());
    }

    /// Returns the rotary embedding of the config, over whole heads unless it says otherwise.
    Rotary rotary(double defaultTheta) {
        return rotary(defaultTheta, 1, false);
    }

    /// @param partial rotated share of a head where the config gives none
    Rotary rotary(double defaultTheta, double partial, boolean interleaved) {
        return rotary("full_attention", defaultTheta, partial, interleaved);
    }

    /// @param layerType type of the layers, for which a config may have parameters of their own
    Rotary rotary(String layerType, double defaultTheta, double partial, boolean interleaved) {
        RotaryParameters parameters = RotaryParameters.of(common.config(), layerType);
        return parameters.rotary(parameters.rotatedDimensions(common.headWidth(), partial), defaultTheta, interleaved);
    }

    /// Returns a norm on each head of queries and keys.
    Attention.HeadNorm perHeadNorm(String attention) {
        return perHeadNorm(attention + ".q_norm", attention + ".k_norm");
    }

    /// Returns a norm over all heads of queries together, and of keys.
    Attention.HeadNorm fullWidthNorm(String attention) {
        return fullWidthNorm(attention + ".q_norm", attention + ".k_norm");
    }

    Attention.HeadNorm perHeadNorm(String query, String key) {
        return new Attention.HeadNorm.PerHead(
                common.norm(query, common.headWidth()), common.norm(key, common.headWidth()));
    }

    Attention.HeadNorm rotatedNorm(String query, String key) {
        return new Attention.HeadNorm.Rotated(
                common.norm(query, common.headWidth()), common.norm(key, common.headWidth()));
    }

    Attention.HeadNorm fullWidthNorm(String query, String key) {
        return new Attention.HeadNorm.FullWidth(
                common.norm(query, common.heads() * common.headWidth()),
                common.norm(key, common.keyHeads() * common.headWidth()));
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

    /// Returns an MLP without a gate, with relu² between its products.
    DenseMlp squaredReluMlp(String name, int layer, int inner, boolean biased) {
        Modules modules = new Modules(layer);
        String up = name + ".up_proj";
        String down = name + ".down_proj";
        return new DenseMlp(
                LinearGroup.of(modules.linear(up, inner, common.hidden(), biased, List.of(up))),
                new Activation.SquaredRelu(),
                LinearGroup.of(modules.linear(down, common.hidden(), inner, biased, List.of(down))));
    }
}
