package io.github.steelyard.report;

import io.github.steelyard.checkpoint.StorageException;
import io.github.steelyard.model.Phase;
import io.github.steelyard.model.Profile;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/// Writes every scope of a forward pass as a complete event of the Chrome trace format, which Perfetto opens: one row
/// for each worker, with operations, bytes and GFLOP/s as arguments.
///
/// Source: CHROME-TRACE (see `docs/SOURCES.md`).
public final class ChromeTrace implements Profile, AutoCloseable {

    private final Path file;
    private final BufferedWriter writer;
    private final long origin = now();
    private boolean first = true;

    /// Begins a trace; the file is complete once it is closed.
    ///
    /// @throws StorageException if the file cannot be written
    public ChromeTrace(Path file) {
        this.file = file;
        try {
            this.writer = Files.newBufferedWriter(file, StandardCharsets.UTF_8);
            writer.write("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
        } catch (IOException e) {
            throw new StorageException(file, e);
        }
    }

    @Override
    public synchronized void add(Phase phase, int lane, long start, double flops, double bytes) {
        double microseconds = (now() - start) / 1e3;
        try {
            writer.write(String.format(
                    Locale.ROOT,
                    "%s\n{\"name\":\"%s\",\"ph\":\"X\",\"pid\":1,\"tid\":%d,\"ts\":%.3f,\"dur\":%.3f,"
                            + "\"args\":{\"flops\":%.0f,\"bytes\":%.0f,\"gflops_per_second\":%.2f}}",
                    first ? "" : ",",
                    phase.name().toLowerCase(Locale.ROOT),
                    lane,
                    (start - origin) / 1e3,
                    microseconds,
                    flops,
                    bytes,
                    flops / Math.max(microseconds, 1e-3) / 1e3));
            first = false;
        } catch (IOException e) {
            throw new StorageException(file, e);
        }
    }

    @Override
    public synchronized void close() {
        try (writer) {
            writer.write("\n]}\n");
        } catch (IOException e) {
            throw new StorageException(file, e);
        }
    }
}
