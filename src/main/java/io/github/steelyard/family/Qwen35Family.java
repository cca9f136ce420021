package io.github.steelyard.family;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.mixer.Attention;
import io.github.steelyard.mixer.CausalConvolution;
import io.github.steelyard.mixer.DeltaRule;
import io.github.steelyard.mixer.GatedDeltaNet;
import io.github.steelyard.model.Body;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.Modules;
import io.github.steelyard.model.Norm;
import io.github.steelyard.moe.Activation;
import io.github.steelyard.moe.Router;
import io.github.steelyard.moe.Routing;
import io.github.steelyard.moe.SharedExpert;
import io.github.steelyard.moe.SparseMoe;
import io.github.steelyard.weights.FusedStack;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Qwen3-Next, Qwen3.5 and 3.6, dense and MoE: three layers of Gated DeltaNet to one of gated attention, zero-centred
/// norms, a shared expert behind a gate. Qwen3-Next has its experts one by one, and other first projections in
/// DeltaNet.
final class Qwen35Family implements Family {

    private static final int FULL_ATTENTION_INTERVAL = 4;
    private static final int MAX_KERNEL = 64;
    private static final String NEXT = "qwen3_next";

    @Override
    public Set<String> modelTypes() {
        return Set.of(NEXT, "qwen3_5_moe", "qwen3_5_moe_text", "qwen3_5", "qwen3_5_text");
    }

    @Override
    public Decoder build(ModelSource source) {
        CommonConfig common = CommonConfig.read(source, Naming.llama(source, "model.language_model"))
                .withZeroCentredNorms();
        LlamaBlocks blocks = new LlamaBlocks(common);
        boolean gated = source.config().flag("attn_output_gate", true);
        AttentionStyle style = AttentionStyle.of(blocks.rotary(10_000, 0.25, false))
                .with(new Attention.Variations(0, gated, 0, Attention.Temperature.ONE));
        boolean next = source.modelType().equals(NEXT);
        boolean experts = next || source.modelType().contains("moe");
        List<Integer> dense = source.config().integers("mlp_only_layers");
        int step = source.config().integerOr("decoder_sparse_step", 1, 1, CommonConfig.MAX_LAYERS);
        List<Decoder.Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < common.layers(); layer++) {
            String prefix = common.naming().layer(layer);
            String attention = prefix + ".self_attn";
            Body mixer = isFull(common, layer)
                    ? blocks.attention(attention, layer, style.with(blocks.perHeadNorm(attention)))
                    : deltaNet(common, prefix + ".linear_attn", layer);
            boolean sparse = experts && (!next || (!dense.contains(layer) && (layer + 1) % step == 0));
            Body feedForward = sparse
                    ? moe(common, prefix + ".mlp", layer)
                    : blocks.mlp(prefix + ".mlp", layer, common.width("intermediate_size"), false);
            layers.add(common.layer(layer, mixer, feedForward));
        }
        return common.decoder(layers);
    }

    private static boolean isFull(CommonConfig common, int layer) {
        ConfigJson config = common.config();
        List<String> types = common.layerTypes("layer_types");
        if (types.isEmpty()) {
            int interval =
                    config.integerOr("full_attention_interval", FULL_ATTENTION_INTERVAL, 1, CommonConfig.MAX_LAYERS);
            return (layer + 1) % interval == 0;
        }
        return switch (types.get(layer)) {
            case "full_attention" -> true;
            case "linear_attention" -> false;
            default -> throw config.unsuitable("layer_types", "linear_attention or full_attention only");
        };
    }

    private static GatedDeltaNet deltaNet(CommonConfig common, String name, int layer) {
        ConfigJson config = common.config();
        int keyHeads = config.integer("linear_num_key_heads", 1, CommonConfig.MAX_HEADS);
        int valueHeads = config.integer("linear_num_value_heads", 1, CommonConfig.MAX_HEADS);
        if (valueHeads % keyHeads != 0) {
            throw config.unsuitable("linear_num_value_heads", "a multiple of linear_num_key_heads");
        }
        DeltaRule rule = new DeltaRule(
                keyHeads, valueHeads, common.width("linear_key_head_dim"), common.width("linear_value_head_dim"));
        Modules modules = new Modules(layer);
        int hidden = common.hidden();
        Linear out = modules.linear(name + ".out_proj", hidden, rule.valueColumns());
        boolean next = common.source().modelType().equals(NEXT);
        return new GatedDeltaNet(
                next ? mixedProjections(name, layer, hidden, rule) : projections(name, layer, hidden, rule),
                next,
                new CausalConvolution(
                        name + ".conv1d",
                        rule.columns(),
                        config.integer("linear_conv_kernel_dim", 1, MAX_KERNEL),
                        false),
                name + ".A_log",
                name + ".dt_bias",
                rule,
                Norm.plain(name + ".norm.weight", rule.valueWidth(), common.epsilon()),
                LinearGroup.of(out));
    }

    private static LinearGroup projections(String name, int layer, int hidden, DeltaRule rule) {
        Modules modules = new Modules(layer);
        List<String> inputs =
                List.of(name + ".in_proj_qkv", name + ".in_proj_z", name + ".in_proj_b", name + ".in_proj_a");
        return LinearGroup.of(
                modules.linear(inputs.get(0), rule.columns(), hidden, false, inputs, inputs.subList(0, 2)),
                modules.linear(inputs.get(1), rule.valueColumns(), hidden, false, inputs, inputs.subList(0, 2)),
                modules.linear(inputs.get(2), rule.valueHeads(), hidden, false, inputs, inputs.subList(2, 4)),
                modules.linear(inputs.get(3), rule.valueHeads(), hidden, false, inputs, inputs.subList(2, 4)));
    }

    private static LinearGroup mixedProjections(String name, int layer, int hidden, DeltaRule rule) {
        Modules modules = new Modules(layer);
        List<String> inputs = List.of(name + ".in_proj_qkvz", name + ".in_proj_ba");
        int columns = Math.addExact(rule.columns(), rule.valueColumns());
        return LinearGroup.of(
                modules.linear(inputs.get(0), columns, hidden, false, inputs, inputs.subList(0, 1)),
                modules.linear(inputs.get(1), 2 * rule.valueHeads(), hidden, false, inputs, inputs.subList(1, 2)));
    }

    private static SparseMoe moe(CommonConfig common, String name, int layer) {
        int experts = common.experts("num_experts");
        int inner = common.width("moe_intermediate_size");
        boolean next = common.source().modelType().equals(NEXT);
        ExpertBlocks blocks =
                new ExpertBlocks(common.source(), name + ".experts", layer, experts, common.hidden(), inner);
        Modules modules = new Modules(layer);
        SharedExpert shared = new SharedExpert(
                new LlamaBlocks(common)
                        .mlp(name + ".shared_expert", layer, common.width("shared_expert_intermediate_size"), false),
                Optional.of(modules.router(name + ".shared_expert_gate", 1, common.hidden(), false)));
        return new SparseMoe(
                Router.of(
                        modules.router(name + ".gate", experts, common.hidden(), false),
                        new Routing.Softmax(
                                common.chosen(experts), !next || common.config().flag("norm_topk_prob", true))),
                next
                        ? blocks.gated("gate_proj", "up_proj", "down_proj")
                        : blocks.fused(FusedStack.Layout.OUT_IN, ExpertBlocks.GateRows.FIRST_HALF, false),
                new Activation.GatedSilu(),
                Optional.of(shared),
                Optional.empty());
    }
}
