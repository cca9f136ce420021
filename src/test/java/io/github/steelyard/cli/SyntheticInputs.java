package io.github.steelyard.cli;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.family.Families;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.testing.SmallAdapter;
import java.nio.file.Path;

/// A checkpoint of random weights, small mixture-of-experts layers, and token ids to run it on.
///
/// @param checkpoint its directory
record SyntheticInputs(Path checkpoint) {

    /// Writes one of six layers.
    static SyntheticInputs write(Path directory, String format) {
        return write(directory, format, 6);
    }

    /// Writes one.
    static SyntheticInputs write(Path directory, String format, int layers) {
        CommandRun.of(
                        "synthesize",
                        "src/test/resources/cli/small-moe.json",
                        "--format",
                        format,
                        "--layers",
                        layers,
                        "--seed",
                        7,
                        "--sequences",
                        6,
                        "--sequence-length",
                        48,
                        "--out",
                        directory)
                .expect(ExitCode.OK);
        return new SyntheticInputs(directory);
    }

    /// Returns an adapter of every linear layer but the head, experts one by one, not yet written.
    SmallAdapter adapter(long seed) {
        SmallAdapter adapter = new SmallAdapter(seed, 2, 4).config(json -> json.put("target_modules", "all-linear"));
        try (Checkpoint opened = Checkpoint.open(checkpoint)) {
            Families.of(opened).linears().stream()
                    .map(linear -> linear.info())
                    .filter(module -> module.kind() != ModuleInfo.Kind.HEAD)
                    .forEach(module -> adapter.linear(module.name(), module));
        }
        return adapter;
    }

    /// Returns the file of token ids.
    Path data() {
        return checkpoint.resolve("tokens.jsonl");
    }
}
