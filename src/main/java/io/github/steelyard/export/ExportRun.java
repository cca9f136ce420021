package io.github.steelyard.export;

import java.util.Locale;
import java.util.function.LongConsumer;

/// How an export runs; none of it changes a value that is written.
///
/// @param shardBytes bytes of tensors after which a new file begins
/// @param threads pieces of a tensor that are encoded at a time
/// @param progress told how many bytes of tensors were written since it was told last
public record ExportRun(long shardBytes, int threads, LongConsumer progress) {

    /// @throws IllegalArgumentException if a number is below 1
    public ExportRun {
        if (shardBytes < 1 || threads < 1) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT, "shard size and threads must be at least 1: %d, %d", shardBytes, threads));
        }
    }
}
