package io.github.steelyard.work;

import java.util.Locale;

/// How the two products of an expert are computed.
public enum ExpertBackend {
    /// w13, activation and w2 one after the other over all rows of an expert: the w2 input exists and can be tapped.
    DECOMPOSED(true),
    /// A few intermediate features at a time, each used up at once: the w2 input never exists as a whole.
    FUSED(false);

    private final boolean showsW2Input;

    ExpertBackend(boolean showsW2Input) {
        this.showsW2Input = showsW2Input;
    }

    /// Returns whether a tap can see the tensor between the two products.
    public boolean showsW2Input() {
        return showsW2Input;
    }

    /// Returns the name used on the command line.
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
