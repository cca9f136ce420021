package io.github.steelyard.console;

import io.github.steelyard.model.EngineListener;
import java.util.Locale;

/// Shows how a pass gets on: a redrawn line with rate and time left on a terminal, a line now and then elsewhere.
public final class Progress implements EngineListener {

    private static final int BAR = 30; // characters
    private static final double SECONDS_BETWEEN_LINES = 10;

    private final Console console;
    private final String task;
    private final long tokens;
    private final long start = System.nanoTime();
    private int firstLayer = -1;
    private double lastLine = Double.NEGATIVE_INFINITY;

    /// @param tokens tokens that go through each layer
    Progress(Console console, String task, long tokens) {
        this.console = console;
        this.task = task;
        this.tokens = tokens;
    }

    @Override
    public void layerBegins(int layer, int layers) {
        if (firstLayer < 0) {
            firstLayer = layer;
        }
        show(layer, layers);
    }

    @Override
    public void layerDone(int layer, int layers) {
        show(layer + 1, layers);
    }

    private void show(int done, int layers) {
        double seconds = (System.nanoTime() - start) * 1e-9;
        int run = done - firstLayer;
        String rate = run > 0
                ? String.format(
                        Locale.ROOT,
                        "%.0f tok/s, %s left",
                        tokens * run / seconds / layers,
                        duration(seconds / run * (layers - done)))
                : "starting";
        if (console.terminal()) {
            int filled = BAR * done / layers;
            console.redraw(String.format(
                    Locale.ROOT,
                    "%s [%s%s] layer %d/%d, %s",
                    task,
                    "#".repeat(filled),
                    ".".repeat(BAR - filled),
                    done,
                    layers,
                    rate));
            if (done == layers) {
                console.endRedrawing();
            }
        } else if (done == layers || seconds - lastLine >= SECONDS_BETWEEN_LINES) {
            lastLine = seconds;
            console.note(String.format(Locale.ROOT, "%s: layer %d of %d, %s", task, done, layers, rate));
        }
    }

    private static String duration(double seconds) {
        long whole = Math.round(seconds);
        return whole < 60
                ? String.format(Locale.ROOT, "%d s", whole)
                : whole < 3600
                        ? String.format(Locale.ROOT, "%d min %d s", whole / 60, whole % 60)
                        : String.format(Locale.ROOT, "%d h %d min", whole / 3600, whole % 3600 / 60);
    }
}
