package io.github.steelyard.gemm;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.matrix.Processor;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// Which product `auto` takes on which processor: a change of this table changes bits, so it is held here.
final class ProcessorKindTest {

    // Lines of /proc/cpuinfo, most flags left out.
    private static final String SAPPHIRE_RAPIDS = """
            processor\t: 0
            vendor_id\t: GenuineIntel
            model name\t: Intel(R) Xeon(R) Platinum 8481C
            flags\t\t: fpu avx2 fma avx512f avx512_bf16 avx512_fp16 amx_bf16 amx_tile amx_int8
            """;
    private static final String ICE_LAKE = """
            vendor_id\t: GenuineIntel
            flags\t\t: fpu avx2 fma avx512f avx512vl avx512_vnni
            """;
    private static final String GENOA = """
            vendor_id\t: AuthenticAMD
            flags\t\t: fpu avx2 fma avx512f avx512vl avx512_bf16
            """;
    private static final String MILAN = """
            vendor_id\t: AuthenticAMD
            flags\t\t: fpu avx2 fma
            """;
    private static final String GRAVITON = """
            processor\t: 0
            Features\t: fp asimd sve bf16
            CPU implementer\t: 0x41
            """;

    @Test
    void order_ofEachKind_isThatOfTheMeasurements() {
        assertThat(order(SAPPHIRE_RAPIDS, 512)).containsExactly(BuiltIn.ONEDNN_BF16X3, BuiltIn.ONEDNN, BuiltIn.VECTOR);
        assertThat(order(ICE_LAKE, 512)).containsExactly(BuiltIn.ONEDNN, BuiltIn.VECTOR);
        assertThat(order(GENOA, 512)).containsExactly(BuiltIn.VECTOR, BuiltIn.ONEDNN);
        assertThat(order(MILAN, 256)).containsExactly(BuiltIn.ONEDNN, BuiltIn.VECTOR);
        assertThat(order(GRAVITON, 128)).containsExactly(BuiltIn.VECTOR, BuiltIn.ONEDNN);
        assertThat(order("", 0)).containsExactly(BuiltIn.VECTOR, BuiltIn.ONEDNN);
    }

    // Without 512-bit vectors in the JVM (UseAVX=2, or no vector module) the Vector API's product has no lead.
    @Test
    void order_whereTheJvmUsesNarrowVectors_isThatOfNarrowOnes() {
        assertThat(order(GENOA, 256)).containsExactly(BuiltIn.ONEDNN, BuiltIn.VECTOR);
        assertThat(order(GENOA, 0)).containsExactly(BuiltIn.ONEDNN, BuiltIn.VECTOR);
        assertThat(order(ICE_LAKE, 256)).containsExactly(BuiltIn.ONEDNN, BuiltIn.VECTOR);
    }

    // Intel loses a third of the rate where loads cross cache lines; a Zen 4 and AVX2 lose nothing.
    @Test
    void panels_areAlignedOnIntelWithWideVectors() {
        assertThat(ProcessorKind.TILES.wantsAlignedPanels(512)).isTrue();
        assertThat(ProcessorKind.AVX512.wantsAlignedPanels(512)).isTrue();
        assertThat(ProcessorKind.AVX512.wantsAlignedPanels(256)).isFalse();
        assertThat(ProcessorKind.AVX512_AMD.wantsAlignedPanels(512)).isFalse();
        assertThat(ProcessorKind.AVX2.wantsAlignedPanels(256)).isFalse();
        assertThat(ProcessorKind.OTHER.wantsAlignedPanels(128)).isFalse();
    }

    @Test
    void first_ofAnOrder_saysWhyItWasTaken() {
        Gemm gemm = GemmSelection.first(List.of(BuiltIn.VECTOR), ProcessorKind.AVX512_AMD.reason() + "; ", true);
        assertThat(gemm.reason()).startsWith("AMD with AVX-512: oneDNN is slower here; SIMD with");
    }

    // Without tiles the split product is never taken unasked, whatever the processor seemed to be.
    @Test
    void first_splitProductWithoutTiles_isPassedOver() {
        Gemm named = Gemm.select("onednn-bf16x3");
        Gemm gemm = GemmSelection.first(ProcessorKind.TILES.order(), ProcessorKind.TILES.reason() + "; ", true);
        if (named.reason().contains("amx")) {
            assertThat(gemm.name()).isEqualTo(named.name());
        } else {
            assertThat(gemm.name()).doesNotContain("bf16x3");
            assertThat(gemm.reason()).contains("; onednn-bf16x3 ");
        }
    }

    @Test
    void processor_ofThisMachine_isRead() {
        Processor processor = Processor.ofMachine();
        boolean linux = System.getProperty("os.name").equals("Linux");
        assertThat(processor.vendor().isEmpty()
                        && linux
                        && System.getProperty("os.arch").equals("amd64"))
                .isFalse();
        assertThat(Processor.parse("flags : a b\nvendor_id : X")).isEqualTo(new Processor("X", Set.of("a", "b")));
    }

    private static List<BuiltIn> order(String cpuInfo, int vectorBits) {
        return ProcessorKind.of(Processor.parse(cpuInfo), vectorBits).order();
    }
}
