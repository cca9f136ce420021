package io.github.steelyard.cli;

import io.github.steelyard.calibration.Perplexity;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.export.CheckpointScales;
import io.github.steelyard.export.EarlierExport;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.files.StorageException;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.model.Site;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `steelyard demo`: the whole job on the embedded tiny checkpoint.
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        description = {
            "Calibrates, exports and verifies an embedded tiny mixture-of-experts model.",
            "Its experts are a mix of NVFP4 and FP8. Compares the perplexity of source and result. Takes seconds."
        })
final class DemoCommand extends SteelyardCommand {

    private static final String MARKER = ".steelyard-demo";
    private static final String RECIPE = "configs/recipes/nvfp4-experts_fp8-rest_kv-fp8.yaml";
    private static final String CALIBRATION = "calibration-data/demo.jsonl";
    private static final String HELD_OUT = "calibration-data/demo-held-out.jsonl";
    private static final List<String> CHECKPOINT_FILES = List.of(
            "config.json",
            "generation_config.json",
            "hf_quant_config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json");
    private static final List<String> EXPORT_FILES = Stream.concat(
                    CHECKPOINT_FILES.stream(), Stream.of("steelyard.json"))
            .toList();

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Where to write (default: ${DEFAULT-VALUE}); an earlier demo there is replaced.")
    Path out = Path.of("steelyard-demo");

    @Mixin
    EngineOptions engine = new EngineOptions();

    DemoCommand(Console console) {
        super(console);
    }

    /// What `--json` prints.
    record Result(
            Calibration.Result calibration,
            ExportCommand.Result export,
            double sourcePerplexity,
            double exportedPerplexity,
            long predictions) {}

    @Override
    Outcome run() {
        unpack();
        Path checkpoint = out.resolve("checkpoint");
        CalibrateCommand.CalibrationChoices choices = new CalibrateCommand.CalibrationChoices();
        choices.data = out.resolve("demo.jsonl");
        choices.fresh = true;
        Calibration.Result calibrated = new Calibration(console, common, choices, engine)
                .run(
                        checkpoint,
                        Recipe.read(out.resolve("recipe.yaml")),
                        out.resolve("run"),
                        ExportOptions.Format.MODELOPT);
        if (!calibrated.passed()) {
            return Outcome.gate(false, calibrated, calibrated.lines());
        }
        ExportCommand.Result exported;
        try (OpenedRun opened = OpenedRun.open(out.resolve("run"), new RunOptions())) {
            exported = ExportCommand.write(opened, out.resolve("export"), null, engine.threads, console);
        }
        Perplexity source = perplexity(checkpoint, false);
        Perplexity result = perplexity(out.resolve("export"), true);
        Result compared = new Result(
                calibrated, exported, Math.exp(source.mean()), Math.exp(result.mean()), source.predictions());
        return Outcome.ok(compared, lines(compared));
    }

    private Perplexity perplexity(Path directory, boolean fakeQuantised) {
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            Decoder decoder = Families.of(checkpoint);
            Sequences sequences = Inputs.sequences(
                    Inputs.corpus(out.resolve("held-out.jsonl"), DataOptions.DEFAULT, checkpoint, decoder));
            Map<Site, FakeQuantizer> quantizers = fakeQuantised
                    ? CheckpointScales.read(checkpoint, decoder.modules()).quantizers()
                    : Map.of();
            return new Evaluation(console, engine).run(checkpoint, decoder, sequences, quantizers, Optional.empty());
        }
    }

    private static List<String> lines(Result result) {
        return List.of(
                String.format(
                        Locale.ROOT,
                        "calibrated  %s (%d tokens; %s)",
                        result.calibration.run(),
                        result.calibration.tokens(),
                        result.calibration.coverage()),
                String.format(
                        Locale.ROOT,
                        "exported    %s (%d files, verified)",
                        result.export.directory(),
                        result.export.files().size()),
                String.format(
                        Locale.ROOT,
                        "perplexity  %.3f as stored, %.3f with quantised weights, inputs and cache (%d predictions)",
                        result.sourcePerplexity,
                        result.exportedPerplexity,
                        result.predictions));
    }

    private void unpack() {
        try {
            OutputPaths.requireOwn(out, Set.of("checkpoint", "run", "export"), () -> Files.isRegularFile(marker()));
            Files.createDirectories(out);
            if (!Files.exists(marker())) {
                Files.createFile(marker());
            }
            removeEarlier();
            Path checkpoint = Files.createDirectories(out.resolve("checkpoint"));
            for (String file : CHECKPOINT_FILES) {
                copy("demo/checkpoint/" + file, checkpoint.resolve(file));
            }
            copy(RECIPE, out.resolve("recipe.yaml"));
            copy(CALIBRATION, out.resolve("demo.jsonl"));
            copy(HELD_OUT, out.resolve("held-out.jsonl"));
        } catch (IOException e) {
            throw new StorageException(out, e);
        }
    }

    private Path marker() {
        return out.resolve(MARKER);
    }

    /// Removes the export of an earlier demo, by the names that it has; what others put beside stays, and is met when
    /// the export is written. The run is begun afresh, and all else is replaced.
    private void removeEarlier() throws IOException {
        Path export = out.resolve("export");
        if (EarlierExport.isAt(export)) {
            for (String file : EXPORT_FILES) {
                Files.deleteIfExists(export.resolve(file));
            }
        }
    }

    private static void copy(String resource, Path target) throws IOException {
        try (InputStream in = DemoCommand.class.getResourceAsStream("/" + resource)) {
            if (in == null) {
                throw new IllegalStateException("the jar lacks %s".formatted(resource));
            }
            AtomicFiles.write(target, in.readAllBytes());
        }
    }
}
