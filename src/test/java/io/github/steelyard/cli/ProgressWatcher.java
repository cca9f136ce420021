package io.github.steelyard.cli;

import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/// Standard error of a command, as a terminal would get it; does something when a text has appeared on it.
final class ProgressWatcher extends OutputStream {

    private final StringBuilder text = new StringBuilder();
    private final String awaited;
    private final Runnable action;
    private boolean done;

    /// @param awaited for example `layer 2/4`
    /// @param action run once, on the thread that prints
    ProgressWatcher(String awaited, Runnable action) {
        this.awaited = awaited;
        this.action = action;
    }

    @Override
    public void write(int b) {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
        synchronized (text) {
            text.append(new String(bytes, offset, length, StandardCharsets.UTF_8));
            if (done || text.indexOf(awaited) < 0) {
                return;
            }
            done = true;
        }
        action.run();
    }

    /// Returns what was printed so far; its `toString` does.
    StringBuilder text() {
        return text;
    }
}
