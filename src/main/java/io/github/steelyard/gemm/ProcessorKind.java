package io.github.steelyard.gemm;

import io.github.steelyard.matrix.Processor;
import java.util.List;

/// Which built-in product `auto` takes on which processor: the one table. What was measured where is told by
/// `docs/PERFORMANCE.md`.
///
/// The choice depends on what the processor is, never on a timing: two runs on one machine take the same product.
enum ProcessorKind {
    /// Intel since Sapphire Rapids: bf16 at 16 times the rate of float32.
    TILES("matrix tiles (AMX)", "three bf16 products take half the time of one float32 product"),
    /// AMD since Zen 4, with a JVM that uses 512-bit vectors.
    AVX512_AMD("AMD with AVX-512", "oneDNN is slower here"),
    /// Intel before Sapphire Rapids, or with its tiles switched off.
    AVX512("AVX-512", "oneDNN reached 58 % of the FMA peak, the Vector API 42 %"),
    /// x86 with 256-bit vectors, or a JVM that uses no wider ones.
    AVX2("256-bit vectors", "oneDNN is faster on most shapes"),
    /// ARM, and whatever the system tells nothing of.
    OTHER("another processor", "oneDNN is only built for x86");

    private static final int WIDE = 512;

    private final String what;
    private final String why;

    ProcessorKind(String what, String why) {
        this.what = what;
        this.why = why;
    }

    /// Returns the kind of a processor.
    ///
    /// @param vectorBits the width of the vectors that this JVM uses
    static ProcessorKind of(Processor processor, int vectorBits) {
        if (processor.has("amx_tile") && processor.has("amx_bf16")) {
            return TILES;
        }
        if (processor.has("avx512f")) {
            if (!processor.isAmd()) {
                return AVX512;
            }
            return vectorBits >= WIDE ? AVX512_AMD : AVX2;
        }
        return processor.has("avx2") ? AVX2 : OTHER;
    }

    /// Returns the products to try, the fastest first.
    List<BuiltIn> order() {
        return switch (this) {
            case TILES -> List.of(BuiltIn.ONEDNN_BF16X3, BuiltIn.ONEDNN, BuiltIn.VECTOR);
            case AVX512, AVX2 -> List.of(BuiltIn.ONEDNN, BuiltIn.VECTOR);
            case AVX512_AMD, OTHER -> List.of(BuiltIn.VECTOR, BuiltIn.ONEDNN);
        };
    }

    /// Returns whether the Vector API's product is faster with panels that begin at cache lines, outside the heap.
    ///
    /// @param vectorBits the width of the vectors that this JVM uses
    boolean wantsAlignedPanels(int vectorBits) {
        return switch (this) {
            case TILES, AVX512 -> vectorBits >= WIDE;
            case AVX512_AMD, AVX2, OTHER -> false;
        };
    }

    /// Returns what the choice goes by, in one line.
    String reason() {
        return what + ": " + why;
    }
}
