package io.github.steelyard.recipe;

import io.github.steelyard.files.Printable;
import io.github.steelyard.yaml.Position;
import io.github.steelyard.yaml.YamlException;
import java.nio.file.Path;

/// A recipe that cannot be read, or that does not fit the model.
///
/// The message is one line that begins with the place.
public final class RecipeException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final transient Path path;
    private final int line;

    /// @param at where the trouble is
    public RecipeException(Position at, String message) {
        super(at + ": " + message);
        path = at.file();
        line = at.line();
    }

    /// For trouble that has no line: a missing file, a recipe as a whole.
    public RecipeException(Path path, String message) {
        super(Printable.of(path) + ": " + message);
        this.path = path;
        line = 0;
    }

    /// For a recipe that is no YAML, or does not have the keys and values of a recipe.
    RecipeException(YamlException problem) {
        super(problem.getMessage(), problem);
        path = problem.path();
        line = problem.line();
    }

    /// Returns the file.
    public Path path() {
        return path;
    }

    /// Returns the line counted from 1; 0 if the trouble is not at a line.
    public int line() {
        return line;
    }
}
