package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.difference.Difference;
import io.github.steelyard.difference.DifferenceJob;
import io.github.steelyard.difference.DifferenceRequest;
import io.github.steelyard.option.Arguments;
import io.github.steelyard.option.RecipeOptions;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard diff`: how two runs, checkpoints or recipes differ.
@Command(
        name = "diff",
        mixinStandardHelpOptions = true,
        description = {
            "Says how two runs, two checkpoints (exports too) or two recipes differ; exit code 0 if they do not, else 1.",
            "What A and B are is found by what is there."
        })
final class DiffCommand extends SteelyardCommand {

    @Parameters(
            index = "0",
            paramLabel = "A",
            converter = Arguments.RecipeName.class,
            description = "Directory of a run or checkpoint; name or file of a recipe.")
    @Nullable
    String first;

    @Parameters(
            index = "1",
            paramLabel = "B",
            converter = Arguments.RecipeName.class,
            description = "Another of the same kind.")
    @Nullable
    String second;

    @Option(
            names = "--source",
            paramLabel = "CHECKPOINT",
            description = "The checkpoint that two exports were made from: measures the error of each weight in both.")
    @Nullable
    Path source;

    @Option(
            names = "--checkpoint",
            paramLabel = "DIR",
            description = "The model that two recipes decide on, or the calibrated checkpoint of two runs, if it has"
                    + " moved since.")
    @Nullable
    Path checkpoint;

    @Mixin
    RecipeOptions recipes = new RecipeOptions();

    DiffCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        Difference found = DifferenceJob.run(
                new DifferenceRequest(
                        Arguments.required(first),
                        Arguments.required(second),
                        Optional.ofNullable(source),
                        Optional.ofNullable(checkpoint),
                        recipes.library(),
                        recipes.settings()),
                listener());
        return Outcome.gate(found.equal(), found, DifferenceText.lines(found));
    }
}
