package io.github.steelyard.oracle;

import io.github.steelyard.catalogue.Choice;
import java.util.List;
import java.util.Optional;

/// The answer to a [request][io.github.steelyard.catalogue.SelectionRequest].
public sealed interface Decision permits Selection, Refusal {

    /// Returns who asked for a backend and where; empty when the engine chose.
    Optional<Choice> choice();

    /// Returns the candidates in the order in which they were tried.
    List<String> candidates();

    /// Returns every candidate that was rejected, with its reason, in the order in which they were tried.
    List<Rejection> rejected();

    /// Returns what is worth knowing besides: names taken as automatic, variables that are not read any more, …
    List<String> notes();
}
