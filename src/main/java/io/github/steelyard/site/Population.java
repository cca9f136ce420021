package io.github.steelyard.site;

/// Which tokens a tap sees at an expert's site.
public enum Population {
    /// The tokens that the forward pass really sends through the module: for an expert, those routed to it.
    ROUTED,
    /// Every token, whatever the router chose; what comes of those that were not routed is discarded.
    ALL
}
