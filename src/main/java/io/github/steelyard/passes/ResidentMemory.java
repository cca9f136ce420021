package io.github.steelyard.passes;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/// Watches the resident memory of this process, mapped file pages left out: the system can drop those at any time.
///
/// Reads `RssAnon` of `/proc/self/status`; 0 where there is no such file.
public final class ResidentMemory implements AutoCloseable {

    private static final Path STATUS = Path.of("/proc/self/status");
    private static final long MILLISECONDS_BETWEEN = 20;

    private final Thread watcher;
    private volatile boolean running = true;
    private volatile long peak;

    /// Begins to watch.
    public ResidentMemory() {
        watcher = new Thread(this::watch, "steelyard-memory");
        watcher.setDaemon(true);
        watcher.start();
    }

    /// Returns the largest number of bytes seen so far.
    public long peakBytes() {
        peak = Math.max(peak, anonymousBytes());
        return peak;
    }

    private void watch() {
        while (running) {
            peak = Math.max(peak, anonymousBytes());
            try {
                Thread.sleep(MILLISECONDS_BETWEEN);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private static long anonymousBytes() {
        try (Stream<String> lines = Files.lines(STATUS, StandardCharsets.UTF_8)) {
            return lines.filter(line -> line.startsWith("RssAnon:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024)
                    .findFirst()
                    .orElse(0);
        } catch (IOException e) {
            return 0;
        }
    }

    @Override
    public void close() {
        running = false;
        watcher.interrupt();
    }
}
