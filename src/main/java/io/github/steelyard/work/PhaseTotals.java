package io.github.steelyard.work;

import java.util.EnumMap;
import java.util.Map;

/// Adds up what each phase of a forward pass took, over all lanes.
public final class PhaseTotals implements Profile {

    /// What one phase came to.
    ///
    /// @param seconds time spent, summed over lanes
    /// @param flops floating-point operations
    /// @param bytes bytes of operands and results
    public record Total(double seconds, double flops, double bytes) {

        private static final Total NONE = new Total(0, 0, 0);

        private Total plus(double moreSeconds, double moreFlops, double moreBytes) {
            return new Total(seconds + moreSeconds, flops + moreFlops, bytes + moreBytes);
        }
    }

    private final Map<Phase, Total> totals = new EnumMap<>(Phase.class);

    @Override
    public synchronized void add(Phase phase, int lane, long start, double flops, double bytes) {
        double seconds = (now() - start) * 1e-9;
        totals.put(phase, totals.getOrDefault(phase, Total.NONE).plus(seconds, flops, bytes));
    }

    /// Returns the totals of the phases that occurred.
    public synchronized Map<Phase, Total> totals() {
        return new EnumMap<>(totals);
    }

    /// Returns the floating-point operations of all phases.
    public synchronized double flops() {
        return totals.values().stream().mapToDouble(Total::flops).sum();
    }
}
