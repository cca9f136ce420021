package io.github.steelyard.corpus;

import io.github.steelyard.corpus.TokenizerProcess.Request;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Ends a child process that takes too much for one answer: memory, where the system says how much that is (Linux), or
/// time.
///
/// What counts is processor time, so that a busy machine or a stopped job is no fault of the child's; waiting counts a
/// hundredth of it.
final class TokenizerWatch implements Runnable {

    private static final int STEP = 50; // milliseconds
    private static final double WAITING = 0.01;

    private final Process process;
    private final Supplier<@Nullable Request> current;
    private volatile String verdict = "";

    /// @param current what the child is at work on; null if on nothing
    TokenizerWatch(Process process, Supplier<@Nullable Request> current) {
        this.process = process;
        this.current = current;
    }

    /// Returns why the child was ended; empty if it was not.
    String verdict() {
        return verdict;
    }

    @Override
    public void run() {
        Request watched = null;
        double before = 0;
        int steps = 0;
        while (process.isAlive() && verdict.isEmpty()) {
            Request request = current.get();
            if (!Objects.equals(request, watched)) {
                watched = request;
                before = processorSeconds();
                steps = 0;
            } else if (request != null) {
                double waited = ++steps * STEP * WAITING / 1000;
                judge(request, Math.max(waited, processorSeconds() - before));
            }
            try {
                Thread.sleep(STEP);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private void judge(Request request, double seconds) {
        if (seconds > request.allowedSeconds()) {
            verdict = String.format(Locale.ROOT, "it takes more than %.0f s", request.allowedSeconds());
        } else if (memory() > request.allowedMemory()) {
            verdict = String.format(Locale.ROOT, "it takes more than %d MiB of memory", request.allowedMemory() >> 20);
        } else {
            return;
        }
        process.destroyForcibly();
    }

    private double processorSeconds() {
        return process.info().totalCpuDuration().orElse(Duration.ZERO).toMillis() / 1000.0;
    }

    // Bytes; 0 where the system does not say.
    private long memory() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/" + process.pid() + "/status"))) {
            return lines.filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                    .findFirst()
                    .orElse(0);
        } catch (IOException | UncheckedIOException e) {
            return 0;
        }
    }
}
