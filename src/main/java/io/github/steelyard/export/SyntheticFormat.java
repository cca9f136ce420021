package io.github.steelyard.export;

import io.github.steelyard.model.ModuleInfo;
import java.util.Locale;

/// How the linear layers of a synthetic checkpoint are stored. Routers and the head always are BF16.
public enum SyntheticFormat {
    /// Everything BF16.
    BF16,
    /// FP8 with one scale for each weight.
    FP8,
    /// NVFP4.
    NVFP4,
    /// NVFP4 experts, FP8 besides.
    MIXED,
    /// MXFP4 experts, BF16 besides.
    MXFP4;

    /// Storage of one linear layer.
    enum Storage {
        BF16,
        FP8,
        NVFP4,
        MXFP4
    }

    /// Returns the name used on the command line.
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    Storage of(ModuleInfo module) {
        if (module.kind() != ModuleInfo.Kind.LINEAR) {
            return Storage.BF16;
        }
        return switch (this) {
            case BF16 -> Storage.BF16;
            case FP8 -> Storage.FP8;
            case NVFP4 -> Storage.NVFP4;
            case MIXED -> module.isExpert() ? Storage.NVFP4 : Storage.FP8;
            case MXFP4 -> module.isExpert() ? Storage.MXFP4 : Storage.BF16;
        };
    }
}
