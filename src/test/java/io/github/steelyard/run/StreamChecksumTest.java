package io.github.steelyard.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.site.Tap;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Monitor;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.ShownTokens;
import io.github.steelyard.work.Workers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class StreamChecksumTest {

    private static final long PIECE = 16 << 20;

    // The check value of CRC-32C in the catalogue of parametrised CRC algorithms (CRC-32/ISCSI).
    @Test
    void checksum_ofNineDigits_isTheCheckValue() {
        MemorySegment digits = MemorySegment.ofArray("123456789".getBytes(StandardCharsets.US_ASCII));
        try (Workers workers = workers()) {
            assertThat(StreamChecksum.of(digits, workers)).isEqualTo(0xe3069283);
        }
        assertThat(StateFile.digits(StreamChecksum.of(digits))).isEqualTo("e3069283");
    }

    @Test
    void checksum_byManyWorkers_isThatOfOneThread() {
        SplittableRandom random = new SplittableRandom(11);
        try (Workers workers = workers();
                Arena arena = Arena.ofShared()) {
            for (long size : new long[] {0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 12_345}) {
                MemorySegment bytes = arena.allocate(Math.max(1, size)).asSlice(0, size);
                for (long at = 0; at + 8 <= size; at += 8) {
                    bytes.set(ValueLayout.JAVA_LONG_UNALIGNED, at, random.nextLong());
                }
                assertThat(StreamChecksum.of(bytes, workers))
                        .as("%d bytes", size)
                        .isEqualTo(StreamChecksum.of(bytes));
            }
        }
    }

    static Workers workers() {
        Pass pass = new Pass(
                Kernels.reference(),
                Gemm.select("reference"),
                Tap.NONE,
                ExpertBackend.DECOMPOSED,
                ShownTokens.NONE,
                3,
                Profile.NONE);
        return new Workers(pass, module -> {}, Monitor.ofThreads());
    }
}
