package io.github.steelyard.statistics;

/// What may be observed at a site beside its amax.
public enum Distribution {
    /// A [Histogram] of magnitudes.
    MAGNITUDES("histogram"),
    /// A [BlockHistogram].
    BLOCKS("block_histogram"),
    /// The amax of each channel: [ChannelAmax].
    CHANNELS("channel_amax");

    private final String columns;

    Distribution(String columns) {
        this.columns = columns;
    }

    /// Returns what the names of its columns begin with.
    String columns() {
        return columns;
    }
}
