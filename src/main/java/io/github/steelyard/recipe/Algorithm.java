package io.github.steelyard.recipe;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/// One calibration algorithm of a recipe.
///
/// @param at where it is written
/// @param method ModelOpt's name: `max`, `mse`, …; `none` where the recipe says null
/// @param options what is written besides the method, as text
public record Algorithm(Position at, String method, SortedMap<String, String> options) {

    /// The method that takes amax from the data as it is.
    public static final String MAX = "max";

    /// The method of a recipe without calibration.
    public static final String NONE = "none";

    public Algorithm {
        options = Collections.unmodifiableSortedMap(new TreeMap<>(options));
    }
}
