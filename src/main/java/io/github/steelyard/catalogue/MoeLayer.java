package io.github.steelyard.catalogue;

import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/// One mixture-of-experts layer as backend selection sees it.
///
/// @param format weight format: `unquantized`, `fp8`, `nvfp4`, `mxfp4`, `mxfp8`, `int8`, `wna16`, …
/// @param keys how weights and inputs are quantised
/// @param size the layer's dimensions on one rank
/// @param router how experts are chosen
/// @param activation `silu`, `swigluoai`, `relu2_no_mul`, …; a name that ends in `_no_mul` is not gated
/// @param dtype `bf16`, `fp16` or `fp32`
/// @param traits features of the layer or of the request for it
/// @param clamp constants of a clamped SwiGLU
/// @param layout how a weight-only integer checkpoint stores its experts
public record MoeLayer(
        String format,
        Keys keys,
        Size size,
        Router router,
        String activation,
        String dtype,
        Traits traits,
        Clamp clamp,
        WeightLayout layout) {

    /// The key of an operand that is not quantised.
    public static final String NONE = "none";

    /// Quantisation keys, such as `nvfp4_static` for weights and `nvfp4_dyn` for inputs; [#NONE] when not quantised.
    ///
    /// @param weight empty: the format's own
    /// @param input empty: the format's own
    /// @param inputOverride what the user asks for in place of `input`
    public record Keys(Optional<String> weight, Optional<String> input, Optional<String> inputOverride) {

        /// Returns the engine's message when a checkpoint declares its input's key and the user asks for another.
        public Optional<String> conflict() {
            Optional<String> declared = input.filter(key -> !key.equals(NONE));
            return inputOverride
                    .filter(asked -> declared.isPresent() && !declared.get().equals(asked))
                    .map(asked -> "checkpoint declares MoE activation=%s but quantization_config.moe.activation=%s;"
                                    .formatted(declared.orElseThrow(), asked)
                            + " remove the override or align it with the checkpoint.");
        }

        /// The format's own keys.
        public static Keys ofFormat() {
            return new Keys(Optional.empty(), Optional.empty(), Optional.empty());
        }

        /// The keys that checkpoints of a format usually have: FP8 with one static scale per tensor, NVFP4 for weights
        /// and inputs, INT4 weights; the format's own elsewhere.
        public static Keys usual(String format) {
            return switch (format) {
                case "fp8" -> of("fp8_static_tensor", "fp8_static_tensor");
                case "nvfp4" -> of("nvfp4_static", "nvfp4_dyn");
                case "wna16" -> of("int4_static", NONE);
                default -> ofFormat();
            };
        }

        /// Given keys.
        public static Keys of(String weight, String input) {
            return new Keys(Optional.of(weight), Optional.of(input), Optional.empty());
        }
    }

    /// A layer's dimensions.
    ///
    /// @param hidden features of the residual stream
    /// @param intermediate features between the two expert products on one rank
    /// @param experts routed experts of the layer, over all ranks
    public record Size(int hidden, int intermediate, int experts) {
        public Size {
            if (hidden < 1 || intermediate < 1 || experts < 1) {
                throw new IllegalArgumentException(String.format(
                        Locale.ROOT,
                        "sizes must be positive: hidden %d, intermediate %d, experts %d",
                        hidden,
                        intermediate,
                        experts));
            }
        }
    }

    /// How experts are chosen.
    ///
    /// @param method routing method: `Renormalize`, `DeepSeekV3`, …
    /// @param logits dtype of the router's logits: `bf16`, `fp32`, …
    public record Router(String method, String logits) {

        /// Softmax after top-k, BF16 logits.
        public static Router renormalize() {
            return new Router("Renormalize", "bf16");
        }
    }

    /// Features of a layer.
    ///
    /// @param bias whether the experts have biases
    /// @param lora whether LoRA adapters are served
    /// @param sharedExperts whether the layer has shared experts
    /// @param allowVllmCutlass whether the loader permits the engine's own CUTLASS kernels (compressed-tensors does)
    /// @param deepseekV4 whether the layer takes the DeepSeek-V4 path
    public record Traits(
            boolean bias, boolean lora, boolean sharedExperts, boolean allowVllmCutlass, boolean deepseekV4) {

        /// No feature.
        public static Traits none() {
            return new Traits(false, false, false, false, false);
        }

        /// The same with or without LoRA.
        public Traits withLora(boolean served) {
            return new Traits(bias, served, sharedExperts, allowVllmCutlass, deepseekV4);
        }
    }

    /// Constants of a clamped SwiGLU.
    ///
    /// @param limit bound of gate and up; empty: no clamp
    /// @param alpha slope inside the sigmoid
    /// @param beta what is added to up
    public record Clamp(OptionalDouble limit, OptionalDouble alpha, OptionalDouble beta) {

        /// No clamp.
        public static Clamp none() {
            return new Clamp(OptionalDouble.empty(), OptionalDouble.empty(), OptionalDouble.empty());
        }
    }

    /// How a weight-only integer checkpoint stores its experts.
    ///
    /// @param name `gptq`, `awq`, `compressed-tensors`, `moe_wna16` or `unknown`
    /// @param groupSize weights per scale; −1: one scale per row
    /// @param zeroPoints whether weights may have zero points
    /// @param bias whether the loader may provide expert biases
    /// @param activationOrder whether groups follow the activation order
    public record WeightLayout(String name, int groupSize, boolean zeroPoints, boolean bias, boolean activationOrder) {

        /// Not a weight-only integer checkpoint.
        public static WeightLayout unknown() {
            return new WeightLayout(Device.UNKNOWN, -1, false, false, false);
        }
    }

    /// A layer with the given format, activation and size, and defaults for the rest.
    public static MoeLayer of(String format, Keys keys, String activation, Size size) {
        return new MoeLayer(
                format,
                keys,
                size,
                Router.renormalize(),
                activation,
                "bf16",
                Traits.none(),
                Clamp.none(),
                WeightLayout.unknown());
    }

    /// The same layer with another router.
    public MoeLayer withRouter(Router other) {
        return new MoeLayer(format, keys, size, other, activation, dtype, traits, clamp, layout);
    }

    /// The same layer with other traits.
    public MoeLayer withTraits(Traits other) {
        return new MoeLayer(format, keys, size, router, activation, dtype, other, clamp, layout);
    }

    /// The same layer with another clamp.
    public MoeLayer withClamp(Clamp other) {
        return new MoeLayer(format, keys, size, router, activation, dtype, traits, other, layout);
    }

    public boolean gated() {
        return !activation.endsWith("_no_mul");
    }
}
