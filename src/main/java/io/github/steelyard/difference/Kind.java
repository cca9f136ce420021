package io.github.steelyard.difference;

import io.github.steelyard.run.RunDirectory;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/// What a name stands for, by what is there.
enum Kind {
    RUN("a run"),
    CHECKPOINT("a checkpoint"),
    RECIPE("a recipe");

    private final String text;

    Kind(String text) {
        this.text = text;
    }

    String text() {
        return text;
    }

    /// A directory that holds a run is one; any other with a config is a checkpoint; all else is called a recipe, which
    /// says itself if it is none.
    static Kind of(String name) {
        try {
            Path path = Path.of(name);
            if (Files.isDirectory(path)) {
                return new RunDirectory(path).isOurs()
                        ? RUN
                        : Files.exists(path.resolve("config.json")) ? CHECKPOINT : RECIPE;
            }
        } catch (InvalidPathException e) {
            return RECIPE;
        }
        return RECIPE;
    }
}
