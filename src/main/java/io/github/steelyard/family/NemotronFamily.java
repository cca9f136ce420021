package io.github.steelyard.family;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.mixer.CausalConvolution;
import io.github.steelyard.mixer.Mamba2;
import io.github.steelyard.mixer.SelectiveScan;
import io.github.steelyard.model.Body;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.Modules;
import io.github.steelyard.moe.Activation;
import io.github.steelyard.moe.Router;
import io.github.steelyard.moe.SharedExpert;
import io.github.steelyard.moe.SparseMoe;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// Nemotron-H and Nemotron 3: one norm and one mixer for each layer, which is a Mamba2, attention without positions, an
/// MLP or an MoE, both with relu² instead of a gate. In the larger model the experts work in a latent space.
final class NemotronFamily implements Family {

    private static final int MAX_KERNEL = 64;

    private enum Mixer {
        MAMBA,
        ATTENTION,
        MLP,
        MOE
    }

    @Override
    public Set<String> modelTypes() {
        return Set.of("nemotron_h");
    }

    @Override
    public Decoder build(ModelSource source) {
        String epsilon = source.config().has("layer_norm_epsilon") ? "layer_norm_epsilon" : "norm_eps";
        source.oneOf("mlp_hidden_act", List.of("relu2"));
        source.oneOf("mamba_hidden_act", List.of("silu", "swish"));
        if (source.config().has("sliding_window")) {
            throw source.config().unsuitable("sliding_window", "null, since windows of this family are not computed");
        }
        List<Mixer> mixers = mixers(source.config());
        CommonConfig common = CommonConfig.read(source, Naming.nemotron(source), epsilon, mixers.size());
        List<Decoder.Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < common.layers(); layer++) {
            String prefix = common.naming().layer(layer);
            layers.add(Decoder.Layer.of(new Decoder.Block(
                    common.norm(prefix + ".norm"), body(common, mixers.get(layer), prefix + ".mixer", layer))));
        }
        return common.decoder(layers);
    }

    /// Returns the mixer of each layer. transformers writes their list in place of the pattern and of their number.
    private static List<Mixer> mixers(ConfigJson config) {
        List<Mixer> mixers;
        String key;
        if (config.has("hybrid_override_pattern")) {
            key = "hybrid_override_pattern";
            mixers = config.string(key)
                    .chars()
                    .mapToObj(symbol -> ofSymbol(symbol, config))
                    .toList();
        } else {
            key = config.has("layers_block_type") ? "layers_block_type" : "layer_types";
            mixers = config.strings(key).stream()
                    .map(type -> ofType(type, config, key))
                    .toList();
        }
        int layers = config.integerOr("num_hidden_layers", mixers.size(), 1, CommonConfig.MAX_LAYERS);
        if (mixers.size() != layers || layers < 1 || layers > CommonConfig.MAX_LAYERS) {
            throw config.unsuitable(key, String.format(Locale.ROOT, "the mixers of %d layers", layers));
        }
        return mixers;
    }

    private static Mixer ofSymbol(int symbol, ConfigJson config) {
        return switch (symbol) {
            case 'M' -> Mixer.MAMBA;
            case '*' -> Mixer.ATTENTION;
            case '-' -> Mixer.MLP;
            case 'E' -> Mixer.MOE;
            default -> throw config.unsuitable("hybrid_override_pattern", "M, *, - and E only");
        };
    }

    private static Mixer ofType(String type, ConfigJson config, String key) {
        return switch (type) {
            case "linear_attention", "mamba" -> Mixer.MAMBA;
            case "full_attention", "attention" -> Mixer.ATTENTION;
            case "mlp" -> Mixer.MLP;
            case "moe" -> Mixer.MOE;
            default -> throw config.unsuitable(key, "mamba, attention, mlp and moe only");
        };
    }

    private static Body body(CommonConfig common, Mixer mixer, String name, int layer) {
        LlamaBlocks blocks = new LlamaBlocks(common);
        return switch (mixer) {
            case MAMBA -> mamba(common, name, layer);
            case ATTENTION -> blocks.attention(name, layer, AttentionStyle.withoutPositions());
            case MLP ->
                blocks.squaredReluMlp(
                        name,
                        layer,
                        common.width("intermediate_size"),
                        common.config().flag("mlp_bias", false));
            case MOE -> moe(common, name, layer);
        };
    }

    private static Mamba2 mamba(CommonConfig common, String name, int layer) {
        ConfigJson config = common.config();
        int heads = config.integer("mamba_num_heads", 1, CommonConfig.MAX_HEADS);
        int groups = config.integer("n_groups", 1, heads);
        if (heads % groups != 0) {
            throw config.unsuitable("n_groups", String.format(Locale.ROOT, "a divisor of mamba_num_heads = %d", heads));
        }
        SelectiveScan scan =
                new SelectiveScan(heads, common.width("mamba_head_dim"), groups, common.width("ssm_state_size"));
        boolean biased = config.flag("use_bias", false) || config.flag("mamba_proj_bias", false);
        Modules modules = new Modules(layer);
        String in = name + ".in_proj";
        String out = name + ".out_proj";
        int inner = scan.innerColumns();
        return new Mamba2(
                LinearGroup.of(
                        modules.linear(in, inner + scan.columns() + heads, common.hidden(), biased, List.of(in))),
                new CausalConvolution(
                        name + ".conv1d",
                        scan.columns(),
                        config.integer("conv_kernel", 1, MAX_KERNEL),
                        config.flag("use_conv_bias", true)),
                new Mamba2.Parameters(name + ".A_log", name + ".D", name + ".dt_bias"),
                timeSteps(config),
                scan,
                ExpectedTensor.vector(name + ".norm.weight", inner),
                common.epsilon(),
                LinearGroup.of(modules.linear(out, common.hidden(), inner, biased, List.of(out))));
    }

    /// Returns the bounds of Δ. The key `time_step_min` belongs to the initialisation and bounds nothing.
    private static Mamba2.TimeSteps timeSteps(ConfigJson config) {
        List<Double> limit = config.numbers("time_step_limit");
        if (limit.isEmpty()) {
            return Mamba2.TimeSteps.UNBOUNDED;
        }
        if (limit.size() != 2 || limit.get(0) > limit.get(1)) {
            throw config.unsuitable("time_step_limit", "two numbers, the lower one first");
        }
        return new Mamba2.TimeSteps(limit.get(0).floatValue(), limit.get(1).floatValue());
    }

    private static SparseMoe moe(CommonConfig common, String name, int layer) {
        ConfigJson config = common.config();
        int experts = common.experts("n_routed_experts");
        int latent = config.integerOr("moe_latent_size", 0, 1, CommonConfig.MAX_WIDTH);
        int inner = common.width("moe_intermediate_size");
        boolean shared = config.integerOr("n_shared_experts", 1, 0, 1) > 0; // of more, programs differ in the width
        boolean biased = config.flag("mlp_bias", false);
        Modules modules = new Modules(layer);
        String gate = name + ".gate";
        int width = latent > 0 ? latent : common.hidden();
        return new SparseMoe(
                new Router(
                        modules.router(gate, experts, common.hidden(), false),
                        Optional.of(ExpectedTensor.vector(gate + ".e_score_correction_bias", experts)),
                        SigmoidRouting.read(common, experts)),
                new ExpertBlocks(common.source(), name + ".experts", layer, experts, width, inner).ungated(biased),
                new Activation.SquaredRelu(),
                shared
                        ? Optional.of(new SharedExpert(
                                new LlamaBlocks(common)
                                        .squaredReluMlp(
                                                name + ".shared_experts",
                                                layer,
                                                common.width("moe_shared_expert_intermediate_size"),
                                                biased),
                                Optional.empty()))
                        : Optional.empty(),
                latent > 0
                        ? Optional.of(new SparseMoe.Latent(
                                latent(modules, name + ".fc1_latent_proj", latent, common.hidden(), biased),
                                latent(modules, name + ".fc2_latent_proj", common.hidden(), latent, biased)))
                        : Optional.empty());
    }

    private static Linear latent(Modules modules, String name, int rows, int columns, boolean biased) {
        return modules.linear(name, rows, columns, biased, List.of(name));
    }
}
