package io.github.steelyard.job;

import io.github.steelyard.files.Finding;
import io.github.steelyard.model.EngineListener;
import java.util.List;
import java.util.function.LongConsumer;

/// Hears what a job has to say while it works: remarks, warnings, progress. What it comes to is its result.
///
/// Remarks and findings come from the thread that runs the job, progress from worker threads too.
public interface JobListener {

    /// Hears nothing.
    JobListener NONE = new JobListener() {};

    /// Hears one line that is neither warning nor error.
    default void note(String line) {}

    /// Hears one line that only who wants to know more asks for.
    default void detail(String line) {}

    /// Hears a warning, or an error that the job goes on after.
    default void finding(Finding finding) {}

    /// Hears findings that were made together.
    default void findings(List<Finding> together) {
        together.forEach(this::finding);
    }

    /// Hears a warning that has no kind of its own.
    default void warn(String message) {
        finding(Finding.warning("", "", message));
    }

    /// A pass through the layers begins.
    ///
    /// @param task what it is for, in a word or two: `calibrate`
    /// @param tokens tokens that go through each layer
    /// @return hears how it gets on
    default EngineListener passBegins(String task, long tokens) {
        return EngineListener.NONE;
    }

    /// Writing of tensors begins.
    ///
    /// @param task what it is for: `export`
    /// @return hears of each piece how many bytes it had, from several threads
    default LongConsumer writingBegins(String task) {
        return bytes -> {};
    }

    /// Writing has ended.
    default void writingEnds() {}
}
