package io.github.steelyard.pattern;

import java.util.concurrent.atomic.AtomicLong;

/// A pattern of a quantization config over module names. The file that holds it is not trusted, so every match takes
/// its steps from a budget.
public sealed interface ModulePattern permits GlobPattern, RegexPattern {

    /// Longest pattern that is read, in characters.
    int LONGEST = 2000;

    /// Returns the pattern as it is written in the file.
    String text();

    /// Returns whether the pattern matches the module of this name.
    ///
    /// @throws TooManySteps if the budget does not last
    boolean matches(String module, Budget budget);

    /// Returns whether any digit of a name can be any other without a change to the match, so that what holds of
    /// `layers.10` holds of `layers.99`.
    boolean blindToDigits();

    /// Returns `module` with every digit replaced by 0: what patterns that are blind to digits see.
    static String shape(String module) {
        StringBuilder shape = new StringBuilder(module);
        for (int i = 0; i < shape.length(); i++) {
            char c = shape.charAt(i);
            if (c >= '1' && c <= '9') {
                shape.setCharAt(i, '0');
            }
        }
        return shape.toString();
    }

    /// How many steps the patterns of one config may still take; a step is a few nanoseconds. Shared by all threads.
    final class Budget {

        private final AtomicLong left;

        public Budget(long steps) {
            this.left = new AtomicLong(steps);
        }

        void take(long steps) {
            if (left.addAndGet(-steps) < 0) {
                throw new TooManySteps();
            }
        }
    }

    /// Ends a search that takes too long.
    final class TooManySteps extends RuntimeException {

        private static final long serialVersionUID = 1L;

        TooManySteps() {
            super(null, null, false, false);
        }
    }
}
