package io.github.steelyard.mixer;

/// Which earlier keys a query sees besides the causal rule `j <= i`.
///
/// @param window number of keys seen, the query's own position included; 0 for all
/// @param chunk a query sees only keys of its own chunk of so many positions; 0 for no chunks
public record AttentionMask(int window, int chunk) {

    /// Every key up to the query's own position.
    public static final AttentionMask CAUSAL = new AttentionMask(0, 0);

    /// Returns the first key that query `i` sees.
    public int first(int i) {
        int byWindow = window > 0 ? Math.max(0, i - window + 1) : 0;
        int byChunk = chunk > 0 ? i / chunk * chunk : 0;
        return Math.max(byWindow, byChunk);
    }
}
