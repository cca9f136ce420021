package io.github.steelyard.job;

import io.github.steelyard.adapter.Adapters;
import io.github.steelyard.census.CacheScales;
import io.github.steelyard.census.LauncherState;
import io.github.steelyard.census.StoredFormats;
import io.github.steelyard.census.TiedHead;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.ModelConfigs;
import io.github.steelyard.corpus.CalibrationSet;
import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.corpus.Tokenizer;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.FileProblem;
import io.github.steelyard.files.Printable;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.SequenceLimit;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.site.ModuleInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.BiFunction;
import java.util.stream.Stream;

/// Opens what several commands read.
public final class Inputs {

    private Inputs() {}

    /// Returns the model of a checkpoint, and says what is odd about its files.
    ///
    /// @throws CheckpointException if it cannot be run
    public static Decoder model(Checkpoint checkpoint, JobListener listener) {
        checkpoint.findings().forEach(listener::finding);
        Decoder decoder = Families.of(checkpoint);
        TiedHead.finding(checkpoint, decoder).ifPresent(listener::finding);
        return decoder;
    }

    /// Passes on the model of a directory as far as configs tell it, and the checkpoint where there is one: the names
    /// of its tensors decide what a config leaves open.
    ///
    /// @throws CheckpointException if the config cannot be used, or the weights beside it
    public static <T> T described(ModelConfigs configs, BiFunction<Decoder, Optional<Checkpoint>, T> use) {
        if (!hasWeights(configs.directory())) {
            return use.apply(Families.of(configs.config()), Optional.empty());
        }
        try (Checkpoint opened = Checkpoint.open(configs.directory())) {
            return use.apply(Families.describe(opened), Optional.of(opened));
        }
    }

    /// Resolves a recipe against a model and the formats that it is stored in.
    ///
    /// @param checkpoint its tensors; empty where there are none
    /// @throws io.github.steelyard.recipe.RecipeException if the recipe does not fit
    public static Plan plan(
            Recipe recipe, QuantizationConfig quantization, Optional<Checkpoint> checkpoint, Decoder decoder) {
        String table = decoder.embedding();
        return Plan.of(
                recipe,
                decoder.modules(),
                StoredFormats.of(quantization, checkpoint, decoder.modules()),
                Optional.of(table.substring(0, Math.max(0, table.lastIndexOf('.')))));
    }

    private static boolean hasWeights(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.anyMatch(file -> file.toString().endsWith(".safetensors"));
        } catch (IOException e) {
            throw new CheckpointException(directory, "cannot be listed: " + FileProblem.reason(directory, e), e);
        }
    }

    /// Reads data files with the checkpoint's tokenizer.
    ///
    /// @param options name the sources
    public static CalibrationSet corpus(DataOptions options, Checkpoint checkpoint, Decoder decoder) {
        return corpus(options, checkpoint.directory(), checkpoint.config(), decoder);
    }

    /// Reads data files with the tokenizer in `directory`; weights need not be there.
    ///
    /// @param options name the sources
    public static CalibrationSet corpus(DataOptions options, Path directory, ConfigJson config, Decoder decoder) {
        try (Tokenizer tokenizer = Tokenizer.at(directory.resolve("tokenizer.json"))) {
            EndOfText endOfText = EndOfText.of(config.has(EndOfText.KEY) ? config : config.textModel());
            CalibrationSet set = CalibrationSet.read(
                    options, tokenizer, decoder.vocabulary(), () -> endOfText.within(decoder.vocabulary()));
            decoder.limit().ifPresent(limit -> requireWithin(limit, set, config));
            return set;
        }
    }

    private static void requireWithin(SequenceLimit limit, CalibrationSet set, ConfigJson config) {
        for (int i = 0; i < set.count(); i++) {
            if (set.length(i) > limit.tokens()) {
                throw new CheckpointException(
                        config.file(),
                        String.format(
                                Locale.ROOT,
                                "sequence %d has %d tokens, wanted at most %d: %s; give --sequence-length %d, or data.sequence_length in the recipe",
                                i,
                                set.length(i),
                                limit.tokens(),
                                limit.reason(),
                                limit.tokens()));
            }
        }
    }

    /// Opens adapters for a model, and says how much of it they adapt.
    ///
    /// @throws CheckpointException if one cannot be used
    /// @throws RequestException if two have one name
    public static Adapters adapters(List<Path> directories, Decoder decoder, JobListener listener) {
        List<ModuleInfo> modules = decoder.linears().stream().map(Linear::info).toList();
        try {
            Adapters adapters = Adapters.open(directories, modules);
            adapters.all()
                    .forEach(adapter -> listener.note(String.format(
                            Locale.ROOT,
                            "note: adapter %s adds to %d of %d linear layers",
                            adapter.name(),
                            adapter.modules(),
                            modules.size())));
            return adapters;
        } catch (IllegalArgumentException e) {
            throw new RequestException("--adapter: " + e.getMessage());
        }
    }

    /// Returns the sequences as the engine wants them.
    public static Sequences sequences(CalibrationSet set) {
        List<int[]> ids = new ArrayList<>();
        for (int i = 0; i < set.count(); i++) {
            ids.add(set.sequence(i));
        }
        return new Sequences(ids);
    }

    /// Warns of a quantised cache that is promised without scales.
    static void warnOfCache(Checkpoint checkpoint, Decoder decoder, JobListener listener) {
        if (LauncherState.isIn(checkpoint)) {
            listener.warn("%s: the weights are fake-quantised already, for ModelOpt's launcher"
                    .formatted(Printable.of(checkpoint.directory())));
        }
        List<String> missing = CacheScales.missing(checkpoint, decoder.modules());
        if (!missing.isEmpty()) {
            listener.warn(String.format(
                    Locale.ROOT,
                    "%s: a cache in %s is promised and has no scales in %d attention modules: %s; servers take 1",
                    Printable.of(checkpoint.directory()),
                    checkpoint.quantization().kvCache().orElse(""),
                    missing.size(),
                    Printable.list(missing)));
        }
    }

    /// The end-of-text token that a config names, of which the first counts if there are several.
    private record EndOfText(ConfigJson config, OptionalInt id) {

        private static final String KEY = "eos_token_id";

        /// @throws io.github.steelyard.files.CheckpointException if there is anything but token ids under the key
        static EndOfText of(ConfigJson config) {
            if (!config.has(KEY)) {
                return new EndOfText(config, OptionalInt.empty());
            }
            if (!config.isArray(KEY)) {
                return new EndOfText(config, OptionalInt.of(config.integer(KEY, 0, Integer.MAX_VALUE)));
            }
            List<Integer> ids = config.integers(KEY);
            if (ids.isEmpty() || ids.stream().anyMatch(id -> id < 0)) {
                throw config.unsuitable(KEY, "a token id, or a list of them");
            }
            return new EndOfText(config, OptionalInt.of(ids.getFirst()));
        }

        /// Returns the id for data that needs it.
        ///
        /// @throws io.github.steelyard.files.CheckpointException if the model has no such token
        OptionalInt within(int vocabulary) {
            if (id.isPresent() && id.getAsInt() >= vocabulary) {
                throw config.unsuitable(
                        KEY, String.format(Locale.ROOT, "a token id below the vocabulary's %d", vocabulary));
            }
            return id;
        }
    }
}
