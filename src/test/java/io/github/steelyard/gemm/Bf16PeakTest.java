package io.github.steelyard.gemm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class Bf16PeakTest {

    // As in PeakTest: the clock of each thread goes on by 50 ms whenever it is read.
    @Test
    void measure_twoThreads_addsTheirRates_orSaysWhyThereAreNone() {
        ThreadLocal<AtomicLong> clock = ThreadLocal.withInitial(AtomicLong::new);

        Bf16Peak peak = Bf16Peak.measure(2, () -> clock.get().addAndGet(50_000_000));

        Gemm split = Gemm.select("onednn-bf16x3");
        if (split.name().startsWith("onednn-bf16x3-")) {
            double rate = 2 * 20 * 2.0 * 256 * 256 * 1024;
            assertThat(peak.allThreads()).hasValue(rate);
            assertThat(peak.third()).isEqualTo(rate / 3);
            assertThat(split.reason()).contains(peak.kernel());
        } else {
            assertThat(peak.third()).isZero();
            assertThat(split.reason()).contains(peak.kernel().substring("oneDNN ".length()));
        }
    }
}
