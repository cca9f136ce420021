package io.github.steelyard.console;

import io.github.steelyard.files.Finding;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.model.EngineListener;
import java.util.List;
import java.util.function.LongConsumer;

/// Shows on the console what a job has to say.
public final class ConsoleListener implements JobListener {

    private final Console console;
    private final boolean verbose;

    /// @param verbose whether details are shown
    public ConsoleListener(Console console, boolean verbose) {
        this.console = console;
        this.verbose = verbose;
    }

    @Override
    public void note(String line) {
        console.note(line);
    }

    @Override
    public void detail(String line) {
        if (verbose) {
            console.note(line);
        }
    }

    @Override
    public void finding(Finding finding) {
        console.finding(finding);
    }

    @Override
    public void findings(List<Finding> together) {
        console.findings(together);
    }

    @Override
    public EngineListener passBegins(String task, long tokens) {
        return new Progress(console, task, tokens);
    }

    @Override
    public LongConsumer writingBegins(String task) {
        return new ByteProgress(console, task);
    }

    @Override
    public void writingEnds() {
        console.endRedrawing();
    }
}
