package io.github.steelyard.gemm;

import io.github.steelyard.matrix.GemmProvider.UnavailableException;
import io.github.steelyard.onednn.Bf16Load;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import java.util.function.LongSupplier;

/// What oneDNN's bf16 product computes on this machine, measured in this process as [Peak] is. A float32 product from
/// three of bf16 reaches a third of it at most.
///
/// @param allThreads bf16 operations per second on all threads, one product per thread on operands in its cache; empty
///     without bf16
/// @param kernel oneDNN's name of its kernel, or why there is none
public record Bf16Peak(OptionalDouble allThreads, String kernel) {

    /// Measures for about a second.
    ///
    /// @param clock nanoseconds, for example `System::nanoTime`
    public static Bf16Peak measure(int threads, LongSupplier clock) {
        try {
            Bf16Load load = Bf16Load.load();
            Callable<Double> rate = () -> Peak.best(clock, load.flops(), load.newRun());
            Peak.onThreads(threads, rate); // until the calls are compiled
            return new Bf16Peak(OptionalDouble.of(Peak.onThreads(threads, rate)), load.kernel());
        } catch (UnavailableException e) {
            return new Bf16Peak(OptionalDouble.empty(), "oneDNN " + e.getMessage());
        }
    }

    /// Returns the float32 operations per second that three bf16 products for each of them allow; 0 without bf16.
    public double third() {
        return allThreads.orElse(0) / 3;
    }
}
