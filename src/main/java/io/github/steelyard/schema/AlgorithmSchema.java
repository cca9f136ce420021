package io.github.steelyard.schema;

import static io.github.steelyard.schema.Types.flag;
import static io.github.steelyard.schema.Types.integer;
import static io.github.steelyard.schema.Types.map;
import static io.github.steelyard.schema.Types.number;
import static io.github.steelyard.schema.Types.positive;
import static io.github.steelyard.schema.Types.text;

import io.github.steelyard.recipe.AlgorithmReader;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;

/// The options of each algorithm, for [RecipeSchema].
final class AlgorithmSchema {

    private static final Map<String, Consumer<Shape>> OPTIONS = Map.ofEntries(
            Map.entry("max", AlgorithmSchema::max),
            Map.entry("mse", AlgorithmSchema::mse),
            Map.entry("local_hessian", AlgorithmSchema::localHessian),
            Map.entry("nvfp4_act_headroom", AlgorithmSchema::actHeadroom),
            Map.entry("smoothquant", shape -> shape.key("alpha", number(), "Exponent of the input's share, 0 to 1.")),
            Map.entry("awq_lite", AlgorithmSchema::awqLite),
            Map.entry("awq_clip", AlgorithmSchema::awqClip),
            Map.entry("awq_full", shape -> {
                awqLite(shape);
                awqClip(shape);
            }),
            Map.entry("svdquant", AlgorithmSchema::svdQuant),
            Map.entry("gptq", AlgorithmSchema::gptq),
            Map.entry("lsq", AlgorithmSchema::lsq));

    private AlgorithmSchema() {}

    /// Adds the options of an algorithm, and those that all have.
    static void describe(String name, Shape shape) {
        Objects.requireNonNull(OPTIONS.get(name), name).accept(shape);
        shape.key("moe_calib_experts_ratio", positive(), "Refused: use calibration.experts: all.")
                .key("layerwise", layerwise(), "Whether layers are calibrated one after the other.");
    }

    private static Map<String, Object> layerwise() {
        return new Shape()
                .key("enable", flag(), "Whether layers are calibrated one after the other; here they always are.")
                .key(
                        "get_qdq_activations_from_prev_layer",
                        flag(),
                        "Whether a layer is calibrated on what the quantised layers before it give.")
                .key("checkpoint_dir", text(), "No effect: the run directory keeps the state.")
                .key("save_every", integer(1), "No effect: the run directory keeps the state.")
                .key("calib_mutates_weights", flag(), "No effect: the weights that are read never change.")
                .required();
    }

    private static void max(Shape shape) {
        shape.key("distributed_sync", flag(), "No effect: there is one process.")
                .key(
                        "sync_expert_weight_amax",
                        flag(),
                        "false; true is refused: each expert's weight keeps its own amax.")
                .key(
                        "skip_forward_without_activation_calib",
                        flag(),
                        "No effect: the forward pass runs whenever a quantizer needs data, and only then.");
        sharedStates(shape);
    }

    private static void sharedStates(Shape shape) {
        Map<String, Object> patterns = map("type", List.of("array", "null"), "items", map("type", "string"));
        Map<String, Object> state = new Shape()
                .key("patterns", patterns, "Regular expressions of modules.")
                .required();
        shape.key(
                "shared_states",
                new Shape()
                        .key("weight_global_amax", state, "Which weights share the amax of the tensor.")
                        .required(),
                "Refused: amax is shared over q/k/v and gate/up as the server needs.");
    }

    private static void mse(Shape shape) {
        shape.key("distributed_sync", flag(), "No effect: there is one process.")
                .key("start_multiplier", positive(), "The smallest multiplier of an amax that is tried.")
                .key("stop_multiplier", positive(), "The largest multiplier that is tried.")
                .key("step_size", positive(), "How far multipliers lie apart, about.")
                .key("fp8_scale_sweep", flag(), "Whether every E4M3 block scale is tried instead.");
        sharedStates(shape);
    }

    private static void localHessian(Shape shape) {
        mse(shape);
        shape.key(
                        "block_size",
                        integer(1),
                        "16, the inputs whose second moments are taken together; others are refused.")
                .key("debug", flag(), "No effect.");
    }

    private static void actHeadroom(Shape shape) {
        shape.key("anchor_percentile", number(), "The percentile of block amaxes that rho multiplies.")
                .key("upper_percentile", number(), "The percentile that is covered in any case.")
                .key("rho", positive(), "Headroom above the anchor, below 28672.")
                .key("weight_scale_algorithm", scaleAlgorithm(), "What calibrates the weights.");
    }

    /// An algorithm that sets weight scales, with its own options.
    private static Map<String, Object> scaleAlgorithm() {
        Shape shape =
                new Shape().key("method", map("enum", List.copyOf(AlgorithmReader.SCALE_METHODS)), "The algorithm.");
        max(shape);
        localHessian(shape);
        return shape.required("method");
    }

    private static void awqLite(Shape shape) {
        shape.key("alpha_step", positive(), "How far the exponents that are tried lie apart.")
                .key("debug", flag(), "No effect.");
    }

    private static void awqClip(Shape shape) {
        shape.key("max_co_batch_size", integer(1), "Output channels at once.")
                .key("max_tokens_per_batch", integer(1), "Tokens of a batch that are looked at.")
                .key("min_clip_ratio", positive(), "The smallest clipping that is tried.")
                .key("shrink_step", positive(), "How far clippings lie apart.")
                .key("debug", flag(), "No effect.");
    }

    private static void svdQuant(Shape shape) {
        shape.key("lowrank", integer(1), "The rank of the part that stays unquantised.")
                .key(
                        "skip_layers",
                        map("type", List.of("array", "null"), "items", map("type", "string")),
                        "Globs of modules that are left out.");
    }

    private static void gptq(Shape shape) {
        shape.key("perc_damp", positive(), "The share of the mean diagonal that is added to it.")
                .key("block_size", integer(1), "Columns solved together.")
                .key("fused", flag(), "No effect: there is one implementation.");
    }

    private static void lsq(Shape shape) {
        Map<String, Object> side = map("enum", List.of("pre", "post"));
        Map<String, Object> sides = map("anyOf", List.of(side, map("type", List.of("array", "null"), "items", side)));
        shape.key("learnable_amax", sides, "No effect: nothing is trained here.")
                .key("tied_amax", flag(), "No effect: nothing is trained here.")
                .key("quantize_pre_scale", flag(), "No effect: nothing is trained here.")
                .key("scale_algorithm", scaleAlgorithm(), "What gives the start values; mse where it is not written.");
    }
}
