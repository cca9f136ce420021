package io.github.steelyard.synthesis;

import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.site.ModuleInfo;
import java.util.Locale;
import java.util.Optional;

/// How the linear layers of a synthetic checkpoint are stored, after what is published. Routers always are BF16, and so
/// is the head but in [#W4A16].
public enum SyntheticFormat {
    /// Everything BF16.
    BF16,
    /// FP8 with one scale for each weight and input.
    FP8,
    /// FP8 with a scale for each tile of 128 x 128, as DeepSeek and Qwen publish it.
    FP8_BLOCK,
    /// NVFP4, weights and inputs.
    NVFP4,
    /// NVFP4 experts, FP8 besides.
    MIXED,
    /// NVFP4 weights of routed and shared experts and of the head, without input scales; FP8 besides. As in
    /// Qwen3.6-35B-A3B-NVFP4.
    W4A16,
    /// MXFP4 experts, BF16 besides, as OpenAI publishes it.
    MXFP4;

    /// Returns the name used on the command line.
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /// Returns the formats of one linear layer, empty for BF16.
    Optional<QuantAlgo> of(ModuleInfo module) {
        boolean linear = module.kind() == ModuleInfo.Kind.LINEAR && !isGate(module);
        if (!linear && !(this == W4A16 && module.kind() == ModuleInfo.Kind.HEAD)) {
            return Optional.empty();
        }
        return switch (this) {
            case BF16 -> Optional.empty();
            case FP8 -> Optional.of(QuantAlgo.FP8);
            case FP8_BLOCK -> Optional.of(QuantAlgo.FP8_BLOCK);
            case NVFP4 -> Optional.of(QuantAlgo.NVFP4);
            case MIXED -> Optional.of(module.isExpert() ? QuantAlgo.NVFP4 : QuantAlgo.FP8);
            case W4A16 -> Optional.of(!linear || isAnyExpert(module) ? QuantAlgo.W4A16_NVFP4 : QuantAlgo.FP8);
            case MXFP4 -> module.isExpert() ? Optional.of(QuantAlgo.MXFP4) : Optional.empty();
        };
    }

    /// The two small projections that publishers leave as they are.
    private static boolean isGate(ModuleInfo module) {
        return module.name().endsWith(".linear_attn.in_proj_a") || module.name().endsWith(".linear_attn.in_proj_b");
    }

    private static boolean isAnyExpert(ModuleInfo module) {
        return module.isExpert() || module.name().contains(".shared_expert");
    }
}
