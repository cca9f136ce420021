package io.github.steelyard.draw;

/// How long a run has worked, over all processes that worked on it. It decides whether another round of sequences is
/// begun, and nothing that is measured.
public final class Stopwatch {

    private final double before;
    private final long start = System.nanoTime();

    /// @param before seconds that earlier processes worked
    public Stopwatch(double before) {
        this.before = before;
    }

    /// Returns the seconds so far.
    public double seconds() {
        return before + (System.nanoTime() - start) * 1e-9;
    }
}
