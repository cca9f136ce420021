package io.github.steelyard.report;

import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.StorageException;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Profile;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;

/// Writes every scope of a forward pass as a complete event of the Chrome trace format, which Perfetto opens: one row
/// for each worker, with operations, bytes and GFLOP/s as arguments.
///
/// Source: CHROME-TRACE (see `docs/SOURCES.md`).
public final class ChromeTrace implements Profile, AutoCloseable {

    private final Path file;
    private final AtomicFiles.Pending pending;
    private final Writer writer;
    private final long origin = now();
    private boolean first = true;

    /// Begins a trace; the file appears once it is closed.
    ///
    /// @throws io.github.steelyard.files.OutputException if anything but a regular file is in the way
    /// @throws StorageException if the file cannot be written
    public ChromeTrace(Path file) {
        this.file = file;
        this.pending = AtomicFiles.begin(file);
        this.writer = new BufferedWriter(Channels.newWriter(pending.channel(), StandardCharsets.UTF_8));
        try {
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
        try (pending) {
            writer.write("\n]}\n");
            writer.flush();
            pending.publish();
        } catch (IOException e) {
            throw new StorageException(file, e);
        }
    }
}
