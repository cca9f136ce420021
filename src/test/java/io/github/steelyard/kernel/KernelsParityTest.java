package io.github.steelyard.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.HotSpotDiagnosticMXBean;
import io.github.steelyard.kernel.KernelsContract.Operation;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/// Operations that give the same bits with and without SIMD.
final class KernelsParityTest {

    private final Kernels reference = Kernels.reference();
    private final Kernels fastest = Kernels.fastest();

    @Test
    void fastest_withVectorModule_isVector() {
        assertThat(fastest.name()).startsWith("vector-");
        assertThat(fastest.reason()).startsWith("SIMD with");
    }

    // The gate runs the tests of this package twice, once with narrower vectors: this shows that it does.
    @Test
    void fastest_usesTheWidthThatTheJvmHas() {
        HotSpotDiagnosticMXBean jvm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
        int bytes = Integer.parseInt(jvm.getVMOption("MaxVectorSize").getValue());
        assertThat(fastest.name()).isEqualTo("vector-" + 8 * bytes);
        assertThat(Integer.getInteger("steelyard.vector.bytes", bytes)).isEqualTo(bytes);
    }

    @Test
    void elementwise_specialsIncluded_haveTheReferenceBits() {
        for (int length : Values.LENGTHS) {
            for (float[] x : new float[][] {Values.mixed(length, length), Values.nonFinite(length, length)}) {
                for (Operation operation : Operation.values()) {
                    float[] wanted = x.clone();
                    operation.apply(reference, wanted, 0, length);
                    float[] found = Values.at(3, x);
                    operation.apply(fastest, found, 3, length);
                    assertBits(operation + " of " + length, Arrays.copyOfRange(found, 3, 3 + length), wanted);
                }
            }
        }
    }

    @Test
    void exp_everyExponent_hasTheReferenceBits() {
        int count = 0;
        float[] x = new float[1 << 20];
        for (long bits = 0; bits < 1L << 32; bits += 4099) {
            x[count++] = Float.intBitsToFloat((int) bits);
        }
        float[] wanted = x.clone();
        reference.exp(wanted, 0, count);
        fastest.exp(x, 0, count);
        assertBits("exp", x, wanted);
    }

    @Test
    void reductions_independentOfOrder_haveTheReferenceBits() {
        for (int length : Values.LENGTHS) {
            for (float[] x : new float[][] {Values.mixed(length, length), Values.nonFinite(length, length)}) {
                float[] found = {fastest.absMax(x, 0, length)};
                assertBits("absMax", found, new float[] {reference.absMax(x, 0, length)});
                assertThat(fastest.absMaxFinite(x, 0, length)).isEqualTo(reference.absMaxFinite(x, 0, length));
                assertThat(fastest.countNonFinite(x, 0, length)).isEqualTo(reference.countNonFinite(x, 0, length));
            }
        }
    }

    @Test
    void fp4Errors_anyScales_haveTheReferenceBits() {
        for (int blocks : new int[] {0, 1, 3, 8, 16, 37}) {
            float[] x = Values.mixed(blocks, 16 * blocks);
            float[] scales = new float[blocks];
            for (int i = 0; i < blocks; i++) {
                scales[i] = i % 5 == 0 ? 0 : Math.abs(x[i]) + Math.scalb(1f, -i);
            }
            float[] wanted = new float[blocks];
            reference.fp4Errors(x, 0, blocks, scales, wanted);
            float[] found = new float[blocks];
            fastest.fp4Errors(Values.at(3, x), 3, blocks, scales, found);
            assertBits("fp4Errors of " + blocks, found, wanted);
        }
    }

    @Test
    void fp4Residuals_anyScales_haveTheReferenceBits() {
        for (int blocks : new int[] {0, 1, 3, 8, 16, 37}) {
            float[] x = Values.mixed(blocks, 16 * blocks);
            float[] scales = new float[blocks];
            for (int i = 0; i < blocks; i++) {
                scales[i] = i % 5 == 0 ? 0 : Math.abs(x[i]) + Math.scalb(1f, -i);
            }
            float[] wanted = new float[16 * blocks];
            reference.fp4Residuals(x, 0, 16, blocks, scales, wanted);
            float[] found = new float[16 * blocks];
            fastest.fp4Residuals(Values.at(3, x), 3, 16, blocks, scales, found);
            assertBits("fp4Residuals of " + blocks, found, wanted);
        }
    }

    @Test
    void quadraticForms_anyValues_haveTheReferenceBits() {
        float[] form = Values.mixed(1, 16 * 16);
        for (int blocks : new int[] {0, 1, 3, 8, 16, 37}) {
            float[] x = Values.mixed(blocks, 16 * blocks);
            float[] wanted = new float[blocks];
            reference.quadraticForms(x, blocks, form, wanted);
            float[] found = new float[blocks];
            fastest.quadraticForms(x, blocks, form, found);
            assertBits("quadraticForms of " + blocks, found, wanted);
        }
    }

    @Test
    void fp8Error_anyScale_hasTheReferenceBits() {
        for (int length : Values.LENGTHS) {
            float[] x = Values.mixed(length, length);
            for (float factor : new float[] {1, 0.37f, 4000}) {
                double wanted = reference.fp8Error(x, 0, length, factor, 1 / factor);
                assertThat(fastest.fp8Error(Values.at(3, x), 3, length, factor, 1 / factor))
                        .as("fp8Error of %d", length)
                        .isEqualTo(wanted);
            }
        }
    }

    @Test
    void intError_anyScale_hasTheReferenceBits() {
        for (int length : Values.LENGTHS) {
            float[] x = Values.mixed(length, length);
            for (float factor : new float[] {0, 1, 0.37f, 4000}) {
                for (int largest : new int[] {7, 127}) {
                    double wanted = reference.intError(x, 0, length, factor, largest);
                    assertThat(fastest.intError(Values.at(3, x), 3, length, factor, largest))
                            .as("intError of %d", length)
                            .isEqualTo(wanted);
                }
            }
        }
    }

    static void assertBits(String what, float[] found, float[] wanted) {
        for (int i = 0; i < wanted.length; i++) {
            if (Float.floatToIntBits(found[i]) != Float.floatToIntBits(wanted[i])) {
                assertThat(found[i]).as("%s, element %d", what, i).isEqualTo(wanted[i]);
            }
        }
    }
}
