package io.github.steelyard.cli;

import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.console.Console;
import io.github.steelyard.corpus.Shard;
import io.github.steelyard.job.CalibrationJob;
import io.github.steelyard.job.CalibrationRequest;
import io.github.steelyard.job.CalibrationResult;
import io.github.steelyard.option.Arguments;
import io.github.steelyard.option.EngineOptions;
import io.github.steelyard.option.RecipeOptions;
import io.github.steelyard.recipe.CalibrationOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard calibrate`: measures the statistics of every quantizer site.
@Command(
        name = "calibrate",
        mixinStandardHelpOptions = true,
        description = {
            "Runs calibration text through a checkpoint and measures every quantizer site.",
            "Progress is kept in RUN after each layer: the same command goes on where an earlier one stopped."
        })
final class CalibrateCommand extends SteelyardCommand {

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

    @Option(names = "--out", required = true, paramLabel = "RUN", description = "Directory of the run.")
    @Nullable
    Path out;

    @Option(
            names = "--shard",
            paramLabel = "I/N",
            converter = Arguments.ShardText.class,
            description = "Measure only the I-th of N parts of the sequences; 'merge' puts the parts together.")
    @Nullable
    Shard shard;

    @Mixin
    CalibrationChoices choices = new CalibrationChoices();

    @Mixin
    EngineOptions engine = new EngineOptions();

    CalibrateCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        CalibrationRequest.Choices chosen =
                shard == null ? choices.choices() : choices.choices().withShard(shard);
        CalibrationResult result = CalibrationJob.run(
                CalibrationRequest.of(
                                Arguments.required(checkpoint),
                                recipes.read(Arguments.required(recipe)),
                                Arguments.required(out))
                        .with(chosen)
                        .with(engine.compute()),
                listener());
        return Outcome.gate(result.passed(), result, lines(result));
    }

    /// Returns the result for people.
    static List<String> lines(CalibrationResult result) {
        return Stream.of(
                        String.format(
                                Locale.ROOT,
                                "%s: %s, %d sites, %d tokens in %d sequences",
                                result.run(),
                                result.status(),
                                result.sites(),
                                result.tokens(),
                                result.sequences()),
                        result.drawn(),
                        result.coverage(),
                        String.format(Locale.ROOT, "peak resident memory %d MiB", result.peakResidentBytes() >> 20))
                .filter(line -> !line.isEmpty())
                .toList();
    }

    /// What a calibration may be told besides the recipe.
    static final class CalibrationChoices {

        @Option(
                names = "--data",
                paramLabel = "FILE",
                description = "Calibration text, instead of the recipe's: a file, a directory or a glob; may be"
                        + " repeated.")
        List<Path> data = List.of();

        @Option(
                names = "--experts",
                paramLabel = "routed|all|top_up",
                description = "Whether each expert also sees every token, or other tokens where it is sent too few,"
                        + " instead of what the recipe says.")
        CalibrationOptions.@Nullable Experts experts;

        @Option(
                names = "--max-sequences",
                paramLabel = "N",
                converter = Arguments.Positive.class,
                description = "Use only the first N sequences.")
        @Nullable
        Integer maxSequences;

        @Option(
                names = "--sequence-length",
                paramLabel = "N",
                converter = Arguments.SequenceLength.class,
                description = "Longest sequence, in tokens.")
        @Nullable
        Integer sequenceLength;

        @Option(
                names = "--moe-backend",
                paramLabel = "NAME",
                description = "How experts are computed, instead of what the recipe says (default: decomposed)."
                        + " A backend that hides the w2 input is refused; 'backends list' shows them all.")
        @Nullable
        String backend;

        @Option(
                names = "--profile",
                paramLabel = "FILE",
                description = "Write a Chrome trace of the pass (opens in Perfetto).")
        @Nullable
        Path profile;

        @Option(names = "--fresh", description = "Forget an unfinished or finished run in RUN and start again.")
        boolean fresh;

        @Option(
                names = "--adapter",
                paramLabel = "DIR",
                description = "A LoRA adapter as PEFT saves it, measured beside the model as it is, so that scales hold"
                        + " for both; may be repeated.")
        List<Path> adapters = new ArrayList<>();

        /// Returns the options as a job takes them.
        CalibrationRequest.Choices choices() {
            return new CalibrationRequest.Choices(
                    data,
                    Optional.ofNullable(experts),
                    Arguments.optional(maxSequences),
                    Arguments.optional(sequenceLength),
                    Optional.ofNullable(backend).map(name -> new Choice(name, "--moe-backend")),
                    Optional.ofNullable(profile),
                    fresh,
                    adapters,
                    Optional.empty());
        }
    }
}
