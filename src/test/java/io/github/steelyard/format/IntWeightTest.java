package io.github.steelyard.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.foreign.MemorySegment;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// Packed integers against the formula written out: `(code - zero) · scale`, first column in the lowest bits.
final class IntWeightTest {

    @Test
    void fourBits_symmetric_subtractEight() {
        // Row 0: codes 0..7, row 1: codes 15..8; groups of 4.
        IntWeight weight = weight(4, 2, 8, 4, new int[] {0x76543210, 0x89abcdef}, new float[] {1, 0.5f, 2, 4});

        assertThat(decoded(weight)).containsExactly(-8, -7, -6, -5, -2, -1.5f, -1, -0.5f, 14, 12, 10, 8, 12, 8, 4, 0);
        assertThat(weight.formatName()).isEqualTo("INT4");
    }

    @Test
    void eightBits_symmetric_subtract128() {
        IntWeight weight = weight(8, 1, 4, 4, new int[] {0xff_80_7f_00}, new float[] {0.25f});

        assertThat(decoded(weight)).containsExactly(-32, -0.25f, 0, 31.75f);
    }

    @Test
    void zeroPoints_packedAlongTheRows_areSubtracted() {
        // Two rows, two groups: the words of the groups hold the zeros of row 0 in the lowest bits, then of row 1.
        IntWeight weight = new IntWeight(
                words(0x11111111, 0x22222222),
                4,
                2,
                8,
                4,
                PlainWeight.ofFloats(new float[] {1, 1, 1, 1}, 2, 2),
                Optional.of(words(0x30, 0x14)));

        assertThat(decoded(weight)).containsExactly(1, 1, 1, 1, -3, -3, -3, -3, -1, -1, -1, -1, 1, 1, 1, 1);
    }

    // Ten columns take two words; the last group has two columns.
    @Test
    void partialWordAndGroup_areCut() {
        IntWeight weight = weight(4, 1, 10, 4, new int[] {0x99999999, 0x7a}, new float[] {1, 2, 4});

        assertThat(decoded(weight)).containsExactly(1, 1, 1, 1, 2, 2, 2, 2, 8, -4);
    }

    @Test
    void scalesThatDoNotFit_areRejected() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> weight(4, 1, 8, 4, new int[] {0}, new float[] {1}))
                .withMessage("INT4 weight [1, 8] in groups of 4: expected scales [1, 2], found [1, 1]");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> weight(3, 1, 8, 8, new int[] {0}, new float[] {1}))
                .withMessage("integer weight: expected 4 or 8 bits, found 3");
    }

    private static IntWeight weight(int bits, int rows, int columns, int group, int[] words, float[] scales) {
        return new IntWeight(
                words(words),
                bits,
                rows,
                columns,
                group,
                PlainWeight.ofFloats(scales, rows, scales.length / rows),
                Optional.empty());
    }

    private static MemorySegment words(int... words) {
        return MemorySegment.ofArray(words);
    }

    private static float[] decoded(IntWeight weight) {
        float[] values = new float[weight.rows() * weight.columns()];
        weight.decodeRows(0, weight.rows(), values, 0);
        return values;
    }
}
