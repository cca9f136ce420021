package io.github.steelyard.cli;

import io.github.steelyard.console.ExitCode;
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

    /// Returns the file of token ids.
    Path data() {
        return checkpoint.resolve("tokens.jsonl");
    }
}
