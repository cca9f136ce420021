package io.github.steelyard.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class PeakTest {

    @Test
    void measure_twoThreads_ordersTheRates() {
        Peak peak = Peak.measure(Gemm.select("auto"), 2, System::nanoTime);
        assertThat(peak.fmaPerCore().orElseThrow()).isGreaterThan(1e9);
        assertThat(peak.fmaAllThreads().orElseThrow())
                .isGreaterThan(0.8 * peak.fmaPerCore().orElseThrow());
        assertThat(peak.gemmAllThreads())
                .isGreaterThan(0.02 * peak.fmaAllThreads().orElseThrow())
                .isLessThan(1.2 * peak.fmaAllThreads().orElseThrow());
    }
}
