package io.github.steelyard.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// Runs the program on changed inputs, each from its own seed, and says what it did wrong. System properties:
///
/// - `fuzz.minutes`: how long, split over the targets; one by default
/// - `fuzz.target`: only this one
/// - `fuzz.seed`: only this one, with what it prints
/// - `fuzz.first`: the first seed, 1 by default: another number gives other inputs
///
/// Ends with 1 if anything was wrong. Needs `-Xmx512m`, since memory is one of the things that are looked at.
public final class FuzzMain {

    private FuzzMain() {}

    /// Runs.
    public static void main(String[] arguments) throws IOException {
        Path memory = Path.of("/dev/shm");
        Path root = Files.isWritable(memory)
                ? Files.createTempDirectory(memory, "steelyard-fuzz-")
                : Files.createTempDirectory("steelyard-fuzz-");
        int faults;
        try {
            faults = run(new FuzzFiles(root));
        } finally {
            FuzzFiles.clear(root);
        }
        System.exit(Math.min(faults, 1));
    }

    private static int run(FuzzFiles files) throws IOException {
        List<FuzzTarget> targets = targets(files);
        Long only = Long.getLong("fuzz.seed");
        if (only != null) {
            return targets.stream()
                    .mapToInt(target -> new FuzzLoop(target).replay(only))
                    .sum();
        }
        double minutes = Double.parseDouble(System.getProperty("fuzz.minutes", "1"));
        Map<String, Long> counts = new TreeMap<>();
        int faults = 0;
        for (FuzzTarget target : targets) {
            FuzzLoop loop = new FuzzLoop(target);
            faults += loop.run(Long.getLong("fuzz.first", 1), (long) (minutes * 60e9 / targets.size()));
            counts.put(target.name(), loop.count());
            System.out.printf(
                    "fuzz: %s: %d inputs, %d us each, exit codes %s%n",
                    target.name(), loop.count(), loop.microseconds(), loop.exitCodes());
        }
        System.out.printf(
                "fuzz: %d inputs, %d kinds of faults%n",
                counts.values().stream().mapToLong(Long::longValue).sum(), faults);
        return faults;
    }

    private static List<FuzzTarget> targets(FuzzFiles files) throws IOException {
        String only = System.getProperty("fuzz.target", "");
        List<Maker> makers = List.of(
                new Maker("header", () -> new HeaderTarget(files)),
                new Maker("index", () -> new IndexTarget(files)),
                new Maker("config", () -> new ConfigTarget(files)),
                new Maker("quantization", () -> new QuantizationTarget(files)),
                new Maker("tensors", () -> new TensorTarget(files)),
                new Maker("recipe", () -> new RecipeTarget(files)),
                new Maker("data", () -> new DataTarget(files)),
                new Maker("run", () -> new RunTarget(files)),
                new Maker("catalogues", () -> new CatalogueTarget(files)),
                new Maker("tokenizer", () -> new TokenizerTarget(files)));
        List<FuzzTarget> made = new ArrayList<>();
        for (Maker maker : makers) {
            if (only.isEmpty() || List.of(only.split(",")).contains(maker.name())) {
                made.add(maker.make().call());
            }
        }
        if (made.isEmpty()) {
            throw new IllegalArgumentException("-Dfuzz.target=%s: expected one of %s"
                    .formatted(only, makers.stream().map(Maker::name).collect(Collectors.joining(", "))));
        }
        return made;
    }

    /// A target that is only made when it is asked for.
    private record Maker(String name, Call make) {

        /// Makes it.
        private interface Call {
            FuzzTarget call() throws IOException;
        }
    }
}
