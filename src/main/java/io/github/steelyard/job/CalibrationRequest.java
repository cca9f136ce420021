package io.github.steelyard.job;

import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.corpus.DataSource;
import io.github.steelyard.corpus.Shard;
import io.github.steelyard.recipe.CalibrationOptions;
import io.github.steelyard.recipe.Drawing;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.work.ShownTokens;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/// What is to be calibrated, as a recipe says or a choice says instead.
///
/// @param checkpoint directory of the checkpoint; only read
/// @param recipe what is to be quantised, and how
/// @param run directory of the run: new, empty, or of an earlier process, which is gone on with
/// @param format what will be written of the run later, which has to be possible
/// @param choices what is chosen instead of what the recipe says
/// @param compute how it is computed
public record CalibrationRequest(
        Path checkpoint, Recipe recipe, Path run, ExportOptions.Format format, Choices choices, Compute compute) {

    /// What a calibration may be told besides the recipe.
    ///
    /// @param data calibration text: files, directories, globs; none: the recipe's
    /// @param experts whether each expert also sees every token; empty: as the recipe says
    /// @param maxSequences most sequences used, at least 1; empty: as the recipe says
    /// @param sequenceLength longest sequence in tokens, 1 to [DataOptions#LONGEST_SEQUENCE]; empty: as the recipe says
    /// @param moeBackend how experts are computed, and who asked; empty: as the recipe says
    /// @param profile where a Chrome trace of the pass is written; empty: nowhere
    /// @param fresh whether to forget an unfinished or finished run and start again
    /// @param adapters directories of LoRA adapters, which are measured beside the model as it is
    /// @param shard which part of the sequences is measured, to be merged with the others; empty: all of them
    public record Choices(
            List<Path> data,
            Optional<CalibrationOptions.Experts> experts,
            OptionalInt maxSequences,
            OptionalInt sequenceLength,
            Optional<Choice> moeBackend,
            Optional<Path> profile,
            boolean fresh,
            List<Path> adapters,
            Optional<Shard> shard) {

        public Choices {
            data = List.copyOf(data);
            adapters = List.copyOf(adapters);
        }

        /// Everything as the recipe says.
        public static final Choices NONE = new Choices(
                List.of(),
                Optional.empty(),
                OptionalInt.empty(),
                OptionalInt.empty(),
                Optional.empty(),
                Optional.empty(),
                false,
                List.of(),
                Optional.empty());

        /// Returns the same with a calibration text.
        public Choices withData(Path file) {
            return new Choices(
                    List.of(file), experts, maxSequences, sequenceLength, moeBackend, profile, fresh, adapters, shard);
        }

        /// Returns the same with adapters.
        public Choices withAdapters(List<Path> directories) {
            return new Choices(
                    data, experts, maxSequences, sequenceLength, moeBackend, profile, fresh, directories, shard);
        }

        /// Returns the same, begun afresh.
        public Choices withFresh() {
            return new Choices(data, experts, maxSequences, sequenceLength, moeBackend, profile, true, adapters, shard);
        }

        /// Returns the same of a part of the sequences.
        public Choices withShard(Shard part) {
            return new Choices(
                    data,
                    experts,
                    maxSequences,
                    sequenceLength,
                    moeBackend,
                    profile,
                    fresh,
                    adapters,
                    Optional.of(part));
        }
    }

    /// Returns a request that follows the recipe in everything, on the whole machine.
    public static CalibrationRequest of(Path checkpoint, Recipe recipe, Path run) {
        return new CalibrationRequest(
                checkpoint, recipe, run, recipe.export().format(), Choices.NONE, Compute.ofMachine());
    }

    /// Returns the same with a calibration text, instead of the recipe's.
    public CalibrationRequest withData(Path file) {
        return with(choices.withData(file));
    }

    /// Returns the same with other choices.
    public CalibrationRequest with(Choices others) {
        return new CalibrationRequest(checkpoint, recipe, run, format, others, compute);
    }

    /// Returns the same, computed otherwise.
    public CalibrationRequest with(Compute other) {
        return new CalibrationRequest(checkpoint, recipe, run, format, choices, other);
    }

    /// Returns how the text becomes sequences.
    DataOptions dataOptions() {
        DataOptions options = recipe.data();
        return options.withSources(
                        choices.data().isEmpty()
                                ? options.sources()
                                : choices.data().stream().map(DataSource::of).toList())
                .withMaxSequences(choices.maxSequences().isPresent() ? choices.maxSequences() : options.maxSequences())
                .withSequenceLength(choices.sequenceLength().orElse(options.sequenceLength()));
    }

    /// Returns which tokens experts see.
    CalibrationOptions.Experts experts() {
        return choices.experts().orElse(recipe.calibration().experts());
    }

    /// Returns how much of the text is drawn.
    ///
    /// @throws RequestException if experts are to get fewer tokens than the recipe's minimum, or if there are no rounds
    ///     that the recipe's budget could end
    Drawing drawing() {
        Drawing drawing;
        try {
            drawing = recipe.calibration().drawing(experts());
        } catch (IllegalArgumentException e) {
            throw new RequestException(String.valueOf(e.getMessage()));
        }
        if (!drawing.inRounds() && drawing.hasBudget()) {
            throw new RequestException("--experts %s: the recipe's calibration.budget needs top_up"
                    .formatted(experts().name().toLowerCase(Locale.ROOT)));
        }
        choices.shard().ifPresent(shard -> requireWhole(shard, drawing));
        return drawing;
    }

    /// Whether there is enough can only be asked of all parts together, and each of them is drawn by itself.
    private static void requireWhole(Shard shard, Drawing drawing) {
        String key = drawing.convergence().isPresent() ? "until_converged" : "budget";
        if (drawing.convergence().isPresent() || drawing.hasBudget()) {
            throw new RequestException(
                    "--shard %s: the recipe's calibration.%s depends on what all parts show together; a part is drawn whole (--max-sequences limits the text)"
                            .formatted(shard, key));
        }
    }

    /// Returns which tokens experts are shown whatever is drawn.
    ShownTokens shown() {
        return experts() == CalibrationOptions.Experts.ALL ? ShownTokens.ALL : ShownTokens.NONE;
    }

    /// Returns the expert backend asked for, and where.
    Optional<Choice> moeBackend() {
        return choices.moeBackend()
                .or(() -> recipe.calibration()
                        .moeBackend()
                        .map(name -> new Choice(name, "recipe %s, calibration.moe_backend".formatted(recipe.file()))));
    }
}
