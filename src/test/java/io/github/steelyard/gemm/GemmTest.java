package io.github.steelyard.gemm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

final class GemmTest {

    @Test
    void select_unknownPreference_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Gemm.select("mkl"))
                .withMessage("matrix product 'mkl': expected auto, onednn, onednn-bf16x3, vector, reference or toy");
    }

    @Test
    void select_anyPreference_givesNameAndReason() {
        assertThat(Gemm.select("reference").name()).isEqualTo("reference");
        assertThat(Gemm.select("vector").name()).startsWith("vector-");
        assertThat(Gemm.select("vector").reason()).startsWith("SIMD with");
        assertThat(Gemm.select("auto").reason()).contains(": ", "; ");
    }
}
