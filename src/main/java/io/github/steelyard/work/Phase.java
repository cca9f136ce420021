package io.github.steelyard.work;

/// What the time of a forward pass is spent on.
public enum Phase {
    READ,
    DEQUANTIZE,
    EMBED,
    ATTENTION,
    RECURRENCE,
    PROJECTION,
    DENSE,
    ROUTER,
    GATHER,
    W13,
    ACTIVATION,
    W2,
    COMBINE,
    STATISTICS,
    HEAD
}
