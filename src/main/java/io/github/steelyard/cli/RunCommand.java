package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.job.RecipeJob;
import io.github.steelyard.job.RecipeRequest;
import io.github.steelyard.job.RecipeResult;
import io.github.steelyard.option.Arguments;
import io.github.steelyard.option.EngineOptions;
import io.github.steelyard.option.RecipeOptions;
import io.github.steelyard.recipe.ExportOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard run`: calibrate, export and verify, from one recipe.
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        description = {
            "Calibrates, exports and verifies as a recipe says.",
            "OUT/run holds the calibration, OUT/export what was written; an interrupted run goes on."
        })
final class RunCommand extends SteelyardCommand {

    @Parameters(paramLabel = "CHECKPOINT", description = "Directory of the checkpoint.")
    @Nullable
    Path checkpoint;

    @Option(
            names = "--recipe",
            required = true,
            paramLabel = RecipeOptions.LABEL,
            converter = Arguments.RecipeName.class,
            description = "A shipped recipe ('recipes list' shows them), or a YAML file.")
    @Nullable
    String recipe;

    @Mixin
    RecipeOptions recipes = new RecipeOptions();

    @Option(names = "--out", required = true, paramLabel = "OUT", description = "Directory for run and export.")
    @Nullable
    Path out;

    @Option(
            names = "--format",
            paramLabel = "modelopt|compressed-tensors|vllm-fakequant|scales",
            converter = Arguments.ExportFormat.class,
            description = "What to write, instead of what the recipe says.")
    ExportOptions.@Nullable Format format;

    @Mixin
    CalibrateCommand.CalibrationChoices choices = new CalibrateCommand.CalibrationChoices();

    @Mixin
    EngineOptions engine = new EngineOptions();

    RunCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        RecipeResult result = RecipeJob.run(
                new RecipeRequest(
                        Arguments.required(checkpoint),
                        recipes.read(Arguments.required(recipe)),
                        Arguments.required(out),
                        Optional.ofNullable(format),
                        choices.choices(),
                        engine.compute()),
                listener());
        List<String> lines = new ArrayList<>(CalibrateCommand.lines(result.calibration()));
        result.export().map(ExportCommand::lines).ifPresent(lines::addAll);
        return Outcome.gate(result.calibration().passed(), result, lines);
    }
}
