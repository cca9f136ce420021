package io.github.steelyard.plan;

import io.github.steelyard.files.Printable;
import io.github.steelyard.recipe.RecipeException;
import io.github.steelyard.yaml.Position;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What is wrong between a recipe and a model. The same trouble of the same rule at many quantizers is told once.
public final class Problems {

    private static final class Problem {
        private final @Nullable Position at;
        private final String subject;
        private final String message;
        private int others;

        Problem(@Nullable Position at, String subject, String message) {
            this.at = at;
            this.subject = subject;
            this.message = message;
        }

        String text() {
            return subject + (others > 0 ? " and " + Printable.count(others, "other") : "") + ": " + message;
        }
    }

    private final Path recipe;
    private final Map<String, Problem> found = new LinkedHashMap<>();

    /// Begins without any.
    ///
    /// @param recipe the file that troubles without a line are in
    public Problems(Path recipe) {
        this.recipe = recipe;
    }

    /// Notes that `subject` has a trouble; troubles with the same place and message are counted together.
    ///
    /// @param at the rule that decides; null where none does
    public void add(@Nullable Position at, String subject, String message) {
        Problem known = found.putIfAbsent(at + " " + message, new Problem(at, subject, message));
        if (known != null) {
            known.others++;
        }
    }

    /// Refuses the recipe if there are any.
    ///
    /// @throws RecipeException if there are: about the first, with the number of further ones
    public void raise() {
        if (found.isEmpty()) {
            return;
        }
        Problem first = found.values().iterator().next();
        String text = first.text()
                + (found.size() > 1 ? " (and %s)".formatted(Printable.count(found.size() - 1, "further problem")) : "");
        throw first.at == null ? new RecipeException(recipe, text) : new RecipeException(first.at, text);
    }
}
