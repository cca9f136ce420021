package io.github.steelyard.work;

import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Tap;
import io.github.steelyard.site.Variants;
import java.util.Locale;

/// How a forward pass is to be run. Immutable and shared by all workers.
///
/// @param kernels the arithmetic
/// @param gemm the matrix product
/// @param tap what watches or alters the tensors on their way
/// @param experts how the experts' products are computed
/// @param shown which tokens an expert is shown besides its own, for statistics only
/// @param threads number of worker threads, at least 1
/// @param profile where time, operations and bytes are recorded
/// @param variants the copies of the text that the sequences are
public record Pass(
        Kernels kernels,
        Gemm gemm,
        Tap tap,
        ExpertBackend experts,
        ShownTokens shown,
        int threads,
        Profile profile,
        Variants variants) {

    /// @throws IllegalArgumentException if a tap watches inputs while the expert backend hides that of w2
    public Pass {
        if (threads < 1) {
            throw new IllegalArgumentException(String.format(Locale.ROOT, "threads must be at least 1: %d", threads));
        }
        if (tap.watches(Role.INPUT) && !experts.showsW2Input()) {
            throw new IllegalArgumentException(("expert backend '%s' never materialises the w2 input, so its quantizer"
                            + " would see nothing: use 'decomposed' for a pass with taps")
                    .formatted(experts.label()));
        }
    }

    /// A pass over one copy of the text.
    public Pass(
            Kernels kernels,
            Gemm gemm,
            Tap tap,
            ExpertBackend experts,
            ShownTokens shown,
            int threads,
            Profile profile) {
        this(kernels, gemm, tap, experts, shown, threads, profile, Variants.ONE);
    }
}
