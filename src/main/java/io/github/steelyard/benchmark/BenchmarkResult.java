package io.github.steelyard.benchmark;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// How fast a calibration is.
///
/// @param tokensPerSecond rate with taps
/// @param gflopsPerSecond floating-point operations of the model, a multiply-add counted as two, in 10⁹ each second
/// @param shareOfFmaPeak that rate as a part of the peak of fused multiply-adds; infinite without SIMD
/// @param shareOfGemmPeak that rate as a part of the peak of the matrix product
/// @param tapCost time with taps over time without, less 1
/// @param peakResidentBytes largest resident memory of the process, mapped file pages left out
/// @param seconds time of the fastest pass with taps
/// @param secondsWithoutTaps time of the fastest pass without
/// @param tokens tokens of a pass
/// @param gflops floating-point operations of a pass, in 10⁹
/// @param fmaPeakGflopsPerSecond peak of fused multiply-adds on all threads; 0 without SIMD
/// @param gemmPeakGflopsPerSecond peak of the matrix product on all threads
/// @param bf16PeakThirdGflopsPerSecond a third of the peak of oneDNN's bf16 product on all threads, which is what a
///     float32 product from three of bf16 can reach; 0 without bf16
/// @param bf16Kernel oneDNN's kernel for it, or why there is none
/// @param threads worker threads
/// @param kernels name of the arithmetic
/// @param gemm name of the matrix product
/// @param gemmReason why it was taken
/// @param gemmRemarks what people should know of how its products were computed
/// @param simulated passes with other numbers of workers, in simulated time
/// @param phases the pass with taps by phase, in alphabetical order
public record BenchmarkResult(
        double tokensPerSecond,
        double gflopsPerSecond,
        double shareOfFmaPeak,
        double shareOfGemmPeak,
        double tapCost,
        long peakResidentBytes,
        double seconds,
        double secondsWithoutTaps,
        long tokens,
        double gflops,
        double fmaPeakGflopsPerSecond,
        double gemmPeakGflopsPerSecond,
        double bf16PeakThirdGflopsPerSecond,
        String bf16Kernel,
        int threads,
        String kernels,
        String gemm,
        String gemmReason,
        List<String> gemmRemarks,
        List<Simulated> simulated,
        Map<String, Phase> phases) {

    public BenchmarkResult {
        gemmRemarks = List.copyOf(gemmRemarks);
        simulated = List.copyOf(simulated);
        phases = Collections.unmodifiableMap(new TreeMap<>(phases));
    }

    /// A pass with taps as it would run if every worker had a core of its own.
    ///
    /// @param threads workers
    /// @param seconds time
    /// @param tokensPerSecond rate
    /// @param shareAtWork processor time of all workers as a part of what so many cores had
    /// @param secondsAlone time in which one thread worked and no worker did, most of it once in a pass
    public record Simulated(
            int threads, double seconds, double tokensPerSecond, double shareAtWork, double secondsAlone) {}

    /// Time of one phase, summed over the workers.
    ///
    /// @param seconds time
    /// @param share that time as a part of all phases'
    /// @param gflopsPerSecond rate of one worker
    /// @param gigabytesPerSecond bytes of operands and results of one worker, in 10⁹ each second
    public record Phase(double seconds, double share, double gflopsPerSecond, double gigabytesPerSecond) {}
}
