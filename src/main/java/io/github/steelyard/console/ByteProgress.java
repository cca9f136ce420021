package io.github.steelyard.console;

import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/// Shows how many bytes were written: redrawn on a terminal, a line now and then elsewhere.
public final class ByteProgress implements LongConsumer {

    private static final double SECONDS_BETWEEN_LINES = 10;

    private final Console console;
    private final String task;
    private final long start = System.nanoTime();
    private final AtomicLong bytes = new AtomicLong();
    private double lastLine;

    public ByteProgress(Console console, String task) {
        this.console = console;
        this.task = task;
    }

    @Override
    public void accept(long written) {
        long sum = bytes.addAndGet(written);
        double seconds = (System.nanoTime() - start) * 1e-9;
        synchronized (this) {
            if (seconds - lastLine >= (console.terminal() ? 0.2 : SECONDS_BETWEEN_LINES)) {
                lastLine = seconds;
                show(sum, seconds);
            }
        }
    }

    /// Ends a redrawn line.
    public void done() {
        console.endRedrawing();
    }

    private void show(long sum, double seconds) {
        String text =
                String.format(Locale.ROOT, "%s: %.0f MB written, %.0f MB/s", task, sum / 1e6, sum / 1e6 / seconds);
        if (console.terminal()) {
            console.redraw(text);
        } else {
            console.note(text);
        }
    }
}
