package io.github.steelyard.work;

/// Receives the time, floating-point operations and bytes of each scope of a forward pass.
///
/// Several worker threads call it at once.
public interface Profile {

    /// Measures nothing.
    Profile NONE = new Profile() {
        @Override
        public long now() {
            return 0;
        }

        @Override
        public void add(Phase phase, int lane, long start, double flops, double bytes) {}
    };

    /// Returns the time in nanoseconds of a clock of its own, or 0 where nothing is measured.
    default long now() {
        return System.nanoTime();
    }

    /// Records one finished scope.
    ///
    /// @param lane index of the worker thread
    /// @param start what [#now] returned when the scope began
    /// @param flops floating-point operations done, a multiply-add counted as two
    /// @param bytes bytes of operands and results that must cross memory at least once
    void add(Phase phase, int lane, long start, double flops, double bytes);
}
