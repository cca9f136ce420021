package io.github.steelyard.job;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.corpus.DataSource;
import io.github.steelyard.family.Families;
import java.nio.file.Path;
import java.util.List;

/// How jobs read a data file, for the targets that change such files or the tokenizer.
public final class DataFiles {

    private DataFiles() {}

    /// Reads `data` with the tokenizer of `checkpoint`.
    public static void read(Path data, Path checkpoint) {
        try (Checkpoint opened = Checkpoint.open(checkpoint)) {
            Inputs.corpus(DataOptions.DEFAULT.withSources(List.of(DataSource.of(data))), opened, Families.of(opened));
        }
    }
}
