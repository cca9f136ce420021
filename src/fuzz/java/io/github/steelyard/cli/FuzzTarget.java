package io.github.steelyard.cli;

import java.io.IOException;
import java.util.Random;

/// Something that reads what others wrote. A target lays out sound files once, and changes some of them at each turn.
sealed interface FuzzTarget
        permits CatalogueTarget,
                ConfigTarget,
                DataTarget,
                HeaderTarget,
                IndexTarget,
                QuantizationTarget,
                RecipeTarget,
                RunTarget,
                TensorTarget,
                TokenizerTarget {

    /// Returns the name that `-Dfuzz.target` takes.
    String name();

    /// Writes a changed input and returns what to do with it.
    Attempt next(Random random) throws IOException;
}
