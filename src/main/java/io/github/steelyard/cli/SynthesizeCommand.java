package io.github.steelyard.cli;

import io.github.steelyard.console.ByteProgress;
import io.github.steelyard.console.Console;
import io.github.steelyard.console.MemorySize;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.OutputDirectory;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.option.Arguments;
import io.github.steelyard.option.UsageException;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.synthesis.Synthesis;
import io.github.steelyard.synthesis.SyntheticFormat;
import io.github.steelyard.synthesis.SyntheticTokens;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard synthesize`: a checkpoint of random weights.
@Command(
        name = "synthesize",
        mixinStandardHelpOptions = true,
        description = {
            "Writes a checkpoint of random weights in the shape of a config.",
            "For benchmarks, and to try a recipe on the shape of a model. Equal arguments give equal bytes."
        })
final class SynthesizeCommand extends SteelyardCommand {

    private static final String PRESETS = "configs/models/";

    @Parameters(
            paramLabel = "PRESET|CONFIG.json",
            description = "bench-a, bench-b or qwen3-30b-a3b, or the config.json of any model of a known family.")
    @Nullable
    String model;

    @Option(
            names = "--format",
            paramLabel = "FORMAT",
            description = {
                "How linear layers are stored: bf16, fp8 (a scale for each), fp8_block (a scale for",
                "each 128 x 128), nvfp4, mixed (NVFP4 experts, FP8 besides), w4a16 (NVFP4 weights of",
                "experts and head, FP8 besides) or mxfp4 (MXFP4 experts, BF16 besides). Default: bf16."
            })
    SyntheticFormat format = SyntheticFormat.BF16;

    @Option(
            names = "--layers",
            paramLabel = "N",
            converter = Arguments.Positive.class,
            description = "Number of layers, instead of what the config says.")
    @Nullable
    Integer layers;

    @Option(
            names = "--starved",
            paramLabel = "SHARE",
            converter = Arguments.Share.class,
            description = "Share of the experts of each layer that routers seldom choose, from 0 to 1 (default: 0).")
    double starved;

    @Option(names = "--seed", required = true, paramLabel = "N", description = "Where the random numbers begin.")
    long seed;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Directory to write; must be new.")
    @Nullable
    Path out;

    @Option(
            names = "--shard-size",
            paramLabel = "SIZE",
            converter = MemorySize.Converter.class,
            description = "Size of tensors after which a new file begins (default: 5G).")
    MemorySize shardSize = new MemorySize(5L << 30);

    @Option(
            names = "--sequences",
            paramLabel = "N",
            converter = Arguments.Positive.class,
            description = "Write tokens.jsonl besides, with N sequences of random token ids.")
    @Nullable
    Integer sequences;

    @Option(
            names = "--sequence-length",
            paramLabel = "N",
            converter = Arguments.SequenceLength.class,
            description = "Tokens in each of them (default: ${DEFAULT-VALUE}).")
    int sequenceLength = 512;

    SynthesizeCommand(Console console) {
        super(console);
    }

    /// What `--json` prints.
    record Result(String directory, String family, String format, int layers, int tensors, long bytes, int files) {}

    @Override
    Outcome run() {
        Path target = Arguments.required(out);
        OutputDirectory.requireFree(target);
        if (sequences != null) {
            Arguments.requireReadable(sequences, sequenceLength);
        }
        ByteProgress progress = new ByteProgress(console, "synthesize");
        Synthesis synthesis = synthesis();
        Synthesis.Result written;
        try {
            written = synthesis.write(target, progress);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--format %s: %s".formatted(format.label(), e.getMessage()));
        }
        progress.done();
        Result result = new Result(
                target.toString(),
                synthesis.decoder().family(),
                format.label(),
                synthesis.decoder().layers().size(),
                written.tensors(),
                written.bytes(),
                written.files());
        return Outcome.ok(result, List.of(summary(result)));
    }

    private Synthesis synthesis() {
        ConfigJson config = config(Arguments.required(model));
        if (layers != null) {
            config = Synthesis.withLayers(config, layers);
        }
        Decoder decoder = Families.of(config);
        if (starved > 0 && decoder.modules().stream().noneMatch(ModuleInfo::isExpert)) {
            throw new UsageException("--starved: the model has no routed experts");
        }
        return new Synthesis(
                config,
                decoder,
                format,
                seed,
                Math.max(1, shardSize.bytes()),
                Optional.ofNullable(sequences).map(count -> new SyntheticTokens(count, sequenceLength)),
                starved);
    }

    private static ConfigJson config(String name) {
        if (name.endsWith(".json")) {
            return ConfigJson.read(Path.of(name));
        }
        String resource = PRESETS + name + ".json";
        try (InputStream in = SynthesizeCommand.class.getResourceAsStream("/" + resource)) {
            if (in == null) {
                throw new UsageException(
                        "no preset '%s': give bench-a, bench-b, qwen3-30b-a3b or a config.json".formatted(name));
            }
            return ConfigJson.parse(Path.of(resource), new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String summary(Result result) {
        return String.format(
                Locale.ROOT,
                "wrote %s: %s, %d layers, %s, %d tensors in %d files, %.1f MB",
                result.directory,
                result.family,
                result.layers,
                result.format,
                result.tensors,
                result.files,
                result.bytes / 1e6);
    }
}
