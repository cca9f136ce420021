package io.github.steelyard.job;

import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.report.ServingPlan;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/// What is to be foreseen.
///
/// @param checkpoint directory with a `config.json`, weights or not
/// @param recipe the recipe; empty: the checkpoint as it is
/// @param text what a calibration would run on
/// @param serving what a serving engine is asked; empty: nothing
/// @param gflops rate of the matrix product in 10⁹ floating-point operations each second; 0: unknown, so that no time
///     is foreseen; empty: it is measured for two seconds
/// @param compute how a calibration would be computed, and a probe is
public record PlanRequest(
        Path checkpoint,
        Optional<Recipe> recipe,
        Text text,
        Optional<Serving> serving,
        OptionalDouble gflops,
        Compute compute) {

    /// The text that a calibration would run on.
    public sealed interface Text {}

    /// The recipe's where it is there, else some length is assumed.
    public record Usual() implements Text {}

    /// A number of tokens.
    ///
    /// @param tokens the number, at least 1
    public record Count(long tokens) implements Text {}

    /// Files.
    ///
    /// @param data files, directories, globs
    /// @param probe so many of its sequences are routed through the weights, for the forecast of coverage; empty: none
    public record Given(List<Path> data, OptionalInt probe) implements Text {
        public Given {
            data = List.copyOf(data);
        }
    }

    /// What a serving engine is asked.
    ///
    /// @param question the engine and how it is to serve
    /// @param run a finished run, which shows how far experts lie apart; empty: it is not known
    public record Serving(ServingPlan.Question question, Optional<Path> run) {}

    /// Returns a request for a recipe's forecast on the whole machine, with its time but without a serving engine.
    public static PlanRequest of(Path checkpoint, Recipe recipe) {
        return new PlanRequest(
                checkpoint,
                Optional.of(recipe),
                new Usual(),
                Optional.empty(),
                OptionalDouble.empty(),
                Compute.ofMachine());
    }
}
