package io.github.steelyard.statistics;

import io.github.steelyard.kernel.Kernels;
import java.util.Arrays;
import java.util.Locale;

/// The largest finite magnitude of each channel at a site, in the tensor's own units.
public final class ChannelAmax implements Observation<ChannelAmax> {

    private final float[] amax;

    /// @param amax of each channel
    /// @throws IllegalArgumentException if one is negative or not finite
    ChannelAmax(float[] amax) {
        this.amax = amax.clone();
        for (float one : amax) {
            if (!(one >= 0 && one <= Float.MAX_VALUE)) {
                throw new IllegalArgumentException(
                        String.format(Locale.ROOT, "the amax of a channel is finite and not negative, found %s", one));
            }
        }
    }

    /// Raises the amax of each channel to what rows show.
    ///
    /// @param finite whether all values are finite
    static void raise(
            Kernels kernels, float[] values, int offset, int rows, int columns, boolean finite, float[] amax) {
        if (finite) {
            kernels.absMaxColumns(values, offset, rows, columns, amax, 0);
            return;
        }
        for (int i = 0; i < rows * columns; i++) {
            float magnitude = Math.abs(values[offset + i]);
            if (magnitude <= Float.MAX_VALUE) {
                amax[i % columns] = Math.max(amax[i % columns], magnitude);
            }
        }
    }

    /// Returns the amax of each channel.
    public float[] values() {
        return amax.clone();
    }

    @Override
    public ChannelAmax merge(ChannelAmax other) {
        if (other.amax.length != amax.length) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT, "%d channels at one place, %d at another", amax.length, other.amax.length));
        }
        float[] largest = amax.clone();
        for (int i = 0; i < largest.length; i++) {
            largest[i] = Math.max(largest[i], other.amax[i]);
        }
        return new ChannelAmax(largest);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ChannelAmax channels && Arrays.equals(amax, channels.amax);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(amax);
    }

    @Override
    public String toString() {
        return Arrays.toString(amax);
    }
}
