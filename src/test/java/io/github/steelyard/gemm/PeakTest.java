package io.github.steelyard.gemm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class PeakTest {

    // The clock of each thread goes on by 50 ms whenever it is read, so every piece of work takes as long.
    @Test
    void measure_twoThreads_addsTheirRates() {
        ThreadLocal<AtomicLong> clock = ThreadLocal.withInitial(AtomicLong::new);

        Peak peak = Peak.measure(Gemm.select("auto"), 2, () -> clock.get().addAndGet(50_000_000));

        double fma = 20 * VectorPeak.flops(10_000);
        assertThat(peak.fmaPerCore()).hasValue(fma);
        assertThat(peak.fmaAllThreads()).hasValue(2 * fma);
        assertThat(peak.gemmAllThreads()).isEqualTo(2 * 20 * 2.0 * 256 * 512 * 512);
    }
}
