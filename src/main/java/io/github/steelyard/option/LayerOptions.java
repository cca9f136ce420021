package io.github.steelyard.option;

import io.github.steelyard.catalogue.MoeLayer;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// One mixture-of-experts layer, as far as backend selection looks at it.
public final class LayerOptions {

    @Option(
            names = "--format",
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            description = "Weight format: unquantized, fp8, nvfp4, mxfp4, mxfp8, int8, wna16, …")
    @Nullable
    String format;

    @Option(
            names = "--weight-key",
            paramLabel = "KEY",
            converter = Arguments.Name.class,
            description = "How weights are quantised, such as fp8_static_block128 (default: the format's usual one).")
    @Nullable
    String weightKey;

    @Option(
            names = "--input-key",
            paramLabel = "KEY",
            converter = Arguments.Name.class,
            description = "How inputs are quantised, such as nvfp4_dyn; none: not at all.")
    @Nullable
    String inputKey;

    @Option(
            names = "--activation",
            paramLabel = "NAME",
            converter = Arguments.Name.class,
            description = "silu, swigluoai, relu2_no_mul, … (default: ${DEFAULT-VALUE}).")
    String activation = "silu";

    @Option(
            names = "--hidden",
            paramLabel = "N",
            converter = Arguments.Extent.class,
            description = "Hidden features (default: ${DEFAULT-VALUE}).")
    int hidden = 2048;

    @Option(
            names = "--intermediate",
            paramLabel = "N",
            converter = Arguments.Extent.class,
            description = "Intermediate features of an expert on one rank (default: ${DEFAULT-VALUE}).")
    int intermediate = 768;

    @Option(
            names = "--experts",
            paramLabel = "N",
            converter = Arguments.Extent.class,
            description = "Routed experts (default: ${DEFAULT-VALUE}).")
    int experts = 128;

    @Option(names = "--routing", paramLabel = "NAME", description = "Routing method (default: ${DEFAULT-VALUE}).")
    String routing = "Renormalize";

    @Option(
            names = "--logits",
            paramLabel = "DTYPE",
            converter = Arguments.Name.class,
            description = "Router's dtype (default: ${DEFAULT-VALUE}).")
    String logits = "bf16";

    @Option(
            names = "--dtype",
            paramLabel = "DTYPE",
            converter = Arguments.Name.class,
            description = "Model's dtype (default: ${DEFAULT-VALUE}).")
    String dtype = "bf16";

    @Option(names = "--bias", description = "The experts have biases.")
    boolean bias;

    @Option(names = "--lora", description = "LoRA adapters are served.")
    boolean lora;

    @Option(names = "--shared-experts", description = "The layer has shared experts.")
    boolean sharedExperts;

    @Option(
            names = "--allow-cutlass",
            description = "The loader permits the engine's own CUTLASS kernels (compressed-tensors FP8 does).")
    boolean allowCutlass;

    @Option(names = "--deepseek-v4", description = "The layer takes the DeepSeek-V4 path.")
    boolean deepseekV4;

    @Option(
            names = "--swiglu-limit",
            paramLabel = "X",
            converter = Arguments.Measure.class,
            description = "Clamp of gate and up.")
    @Nullable
    Double swigluLimit;

    /// Returns the layer.
    public MoeLayer layer() {
        if (format == null) {
            throw new UsageException("--format: expected a weight format such as nvfp4, found nothing");
        }
        MoeLayer.Keys usual = MoeLayer.Keys.usual(format);
        try {
            return new MoeLayer(
                    format,
                    new MoeLayer.Keys(
                            Optional.ofNullable(weightKey).or(usual::weight),
                            Optional.ofNullable(inputKey).or(usual::input),
                            Optional.empty()),
                    new MoeLayer.Size(hidden, intermediate, experts),
                    new MoeLayer.Router(routing, logits),
                    activation,
                    dtype,
                    new MoeLayer.Traits(bias, lora, sharedExperts, allowCutlass, deepseekV4),
                    new MoeLayer.Clamp(
                            swigluLimit == null ? OptionalDouble.empty() : OptionalDouble.of(swigluLimit),
                            OptionalDouble.empty(),
                            OptionalDouble.empty()),
                    MoeLayer.WeightLayout.unknown());
        } catch (IllegalArgumentException e) {
            throw new UsageException("layer: " + e.getMessage());
        }
    }
}
