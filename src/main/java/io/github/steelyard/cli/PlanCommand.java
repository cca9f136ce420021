package io.github.steelyard.cli;

import io.github.steelyard.catalogue.Catalogue;
import io.github.steelyard.console.Console;
import io.github.steelyard.job.PlanJob;
import io.github.steelyard.job.PlanRequest;
import io.github.steelyard.option.Arguments;
import io.github.steelyard.option.EngineOptions;
import io.github.steelyard.option.RecipeOptions;
import io.github.steelyard.option.ServingOptions;
import io.github.steelyard.option.UsageException;
import io.github.steelyard.oracle.Oracle;
import io.github.steelyard.report.PlanReport;
import io.github.steelyard.report.ServingPlan;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard plan`: what will happen to a checkpoint, before any weight is read.
@Command(
        name = "plan",
        mixinStandardHelpOptions = true,
        description = {
            "Shows what a recipe will do, how a server will run it, and what it takes.",
            "For each module the deciding rule; for each expert layer the serving backend and what it hides; time, memory,",
            "disk and coverage. Configs are enough: no weight is read, unless --probe asks for it.",
            "Exit code 1 when the serving engine refuses a layer."
        })
final class PlanCommand extends SteelyardCommand {

    @Parameters(paramLabel = "CHECKPOINT", description = "Directory with a config.json, weights or not.")
    @Nullable
    Path checkpoint;

    @Option(
            names = "--recipe",
            paramLabel = RecipeOptions.LABEL,
            converter = Arguments.RecipeName.class,
            description = "A shipped recipe ('recipes list' shows them), or a YAML file (default: the checkpoint as it"
                    + " is).")
    @Nullable
    String recipe;

    @Mixin
    RecipeOptions recipes = new RecipeOptions();

    @Option(
            names = "--data",
            paramLabel = "FILE",
            description = "Calibration text, for the forecast: a file, a directory or a glob; may be repeated.")
    List<Path> data = List.of();

    @Option(
            names = "--tokens",
            paramLabel = "N",
            converter = Arguments.Positive.class,
            description = "Number of calibration tokens, without --data.")
    @Nullable
    Integer tokens;

    @Option(names = "--stats", paramLabel = "RUN", description = "A finished run: shows how far experts lie apart.")
    @Nullable
    Path stats;

    @Option(
            names = "--probe",
            paramLabel = "N",
            converter = Arguments.Positive.class,
            description = "Route the first N sequences of --data through the weights, for the coverage forecast.")
    @Nullable
    Integer probe;

    @Option(
            names = "--gflops",
            paramLabel = "X",
            converter = Arguments.Measure.class,
            description = "Rate of the matrix product, instead of measuring it for two seconds; 0: no time forecast.")
    @Nullable
    Double gflops;

    @Option(names = "--lora", description = "LoRA adapters are served: ask for backends that apply them.")
    boolean lora;

    @Mixin
    ServingOptions serving = new ServingOptions();

    @Mixin
    EngineOptions engine = new EngineOptions();

    PlanCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        requireSensible();
        PlanReport report = PlanJob.run(
                new PlanRequest(
                        Arguments.required(checkpoint),
                        Optional.ofNullable(recipe).map(recipes::read),
                        text(),
                        serving.device == null
                                ? Optional.empty()
                                : Optional.of(new PlanRequest.Serving(question(), Optional.ofNullable(stats))),
                        gflops == null ? OptionalDouble.empty() : OptionalDouble.of(gflops),
                        engine.compute()),
                listener());
        return Outcome.gate(report.passed(), report, report.lines());
    }

    private PlanRequest.Text text() {
        if (!data.isEmpty()) {
            return new PlanRequest.Given(data, Arguments.optional(probe));
        }
        return tokens == null ? new PlanRequest.Usual() : new PlanRequest.Count(tokens);
    }

    private ServingPlan.Question question() {
        Catalogue catalogue = serving.catalogue();
        return new ServingPlan.Question(
                new Oracle(catalogue), serving.device(catalogue), serving.deployment(), serving.preference(), lora);
    }

    /// Without a device no engine is asked, so what was said about it would be lost without a word.
    private void requireSensible() {
        if (serving.device == null) {
            Set<String> ofEngine = Arguments.ofMixin(spec, "serving");
            List<String> lost = Arguments.given(spec).stream()
                    .filter(name -> ofEngine.contains(name) || name.equals("--stats") || name.equals("--lora"))
                    .toList();
            if (!lost.isEmpty()) {
                throw new UsageException("%s: no effect without --device".formatted(String.join(", ", lost)));
            }
        }
        if (recipe == null && recipes.used()) {
            throw new UsageException("--recipe-path, --set: no effect without --recipe");
        }
        if (probe != null && data.isEmpty()) {
            throw new UsageException("--probe: expected --data with the text to route");
        }
        if (tokens != null && !data.isEmpty()) {
            throw new UsageException("--tokens and --data exclude each other");
        }
    }
}
