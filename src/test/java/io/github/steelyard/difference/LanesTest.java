package io.github.steelyard.difference;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class LanesTest {

    private static final long SEED = 16;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 8, 16, 32, 64})
    void different_anyLength_countsElements(int bits) {
        Random random = new Random(SEED);
        int unit = Math.max(1, bits / 8);
        for (int length = 0; length <= 40; length += unit) {
            byte[] a = new byte[length];
            random.nextBytes(a);
            byte[] b = a.clone();
            for (int i = 0; i < length; i++) {
                b[i] ^= random.nextInt(3) == 0 ? (byte) (1 << random.nextInt(8)) : 0;
            }
            assertThat(Lanes.different(MemorySegment.ofArray(a), MemorySegment.ofArray(b), bits))
                    .as("seed %d, %d bytes", SEED, length)
                    .isEqualTo(plain(a, b, bits));
        }
    }

    private static long plain(byte[] a, byte[] b, int bits) {
        long count = 0;
        for (int bit = 0; bit < a.length * 8; bit += bits) {
            BigInteger mixed = BigInteger.ZERO;
            for (int i = bit; i < bit + bits; i++) {
                int one = (a[i / 8] >> (i % 8)) & 1;
                int other = (b[i / 8] >> (i % 8)) & 1;
                mixed = mixed.shiftLeft(1).or(BigInteger.valueOf(one ^ other));
            }
            count += mixed.signum();
        }
        return count;
    }
}
