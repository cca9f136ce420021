package io.github.steelyard.adapter;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.pattern.ModulePattern;
import io.github.steelyard.pattern.RegexPattern;
import java.nio.file.Path;

/// The regular expressions of an adapter's config, which is not trusted: all together may take so many steps.
final class Expressions {

    // Some seconds; the expressions of published adapters take a thousandth over the largest models.
    private static final long MOST_STEPS = 1_000_000_000L;

    private final Path file;
    private final ModulePattern.Budget budget = new ModulePattern.Budget(MOST_STEPS);

    Expressions(Path file) {
        this.file = file;
    }

    /// Returns an expression that must match a whole name.
    ///
    /// @param key where it stands, for the refusal
    ModulePattern whole(String text, String key) {
        if (text.length() > ModulePattern.LONGEST) {
            throw new CheckpointException(
                    file,
                    "%s: a pattern of more than %s"
                            .formatted(Printable.brief(key), Printable.count(ModulePattern.LONGEST, "character")));
        }
        // Lookaheads are matched outside groups only.
        boolean looksAhead = text.contains("(?=") || text.contains("(?!");
        try {
            return RegexPattern.of(looksAhead ? text + "$" : "(?:" + text + ")$", budget);
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file, "%s: %s".formatted(Printable.brief(key), e.getMessage()), e);
        } catch (ModulePattern.TooManySteps e) {
            throw tooLarge(e);
        }
    }

    /// Returns whether an expression matches a name.
    boolean matches(ModulePattern pattern, String name) {
        try {
            return pattern.matches(name, budget);
        } catch (ModulePattern.TooManySteps e) {
            throw tooLarge(e);
        }
    }

    private CheckpointException tooLarge(ModulePattern.TooManySteps e) {
        return new CheckpointException(file, "its patterns are too large to be matched", e);
    }
}
