package io.github.steelyard.checkpoint;

import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/// A pattern of a quantization config over module names. The file that holds it is not trusted, so every match takes
/// its steps from a budget.
sealed interface ModulePattern {

    /// Longest pattern that is read, in characters.
    int LONGEST = 2000;

    /// Steps that are taken from the budget at once.
    int BATCH = 1024;

    /// Returns the pattern as it is written in the file.
    String text();

    /// Returns whether the pattern matches the module of this name.
    ///
    /// @throws TooManySteps if the budget does not last
    boolean matches(String module, Budget budget);

    /// Returns whether `text` holds a wildcard of [Glob].
    static boolean isGlob(String text) {
        return text.indexOf('*') >= 0 || text.indexOf('?') >= 0 || text.indexOf('[') >= 0;
    }

    /// Shell wildcards as in Python's fnmatch: `*` any text, dots included, `?` one character, `[abc]` and `[!abc]`
    /// one of a set. A match of the module's beginning up to a dot counts: the pattern then names a module around it.
    record Glob(String text) implements ModulePattern {

        @Override
        public boolean matches(String module, Budget budget) {
            int wildcard = firstWildcard();
            if (!module.regionMatches(0, text, 0, wildcard)) {
                budget.take(1);
                return false;
            }
            for (int end = module.length(); end > 0; end = module.lastIndexOf('.', end - 1)) {
                if (matches(module, end, budget)) {
                    return true;
                }
            }
            return false;
        }

        private int firstWildcard() {
            int i = 0;
            while (i < text.length() && "*?[".indexOf(text.charAt(i)) < 0) {
                i++;
            }
            return i;
        }

        // Greedy with one point of return, as wildcard matching allows: O(pattern · name).
        private boolean matches(String name, int end, Budget budget) {
            int p = 0;
            int n = 0;
            int star = -1;
            int resume = 0;
            int steps = 0;
            while (n < end) {
                if (++steps == BATCH) {
                    budget.take(BATCH);
                    steps = 0;
                }
                int next = p < text.length() && text.charAt(p) != '*' ? stepOver(p, name.charAt(n)) : -1;
                if (next >= 0) {
                    p = next;
                    n++;
                } else if (p < text.length() && text.charAt(p) == '*') {
                    star = p++;
                    resume = n;
                } else if (star >= 0) {
                    p = star + 1;
                    n = ++resume;
                } else {
                    budget.take(steps);
                    return false;
                }
            }
            budget.take(steps);
            while (p < text.length() && text.charAt(p) == '*') {
                p++;
            }
            return p == text.length();
        }

        /// Returns the position after the element at `p` if that element accepts `c`, else -1.
        private int stepOver(int p, char c) {
            char element = text.charAt(p);
            int close = element == '[' ? text.indexOf(']', p + 2) : -1;
            if (close < 0) {
                return element == '?' || element == c ? p + 1 : -1;
            }
            boolean negated = text.charAt(p + 1) == '!';
            return inSet(negated ? p + 2 : p + 1, close, c) != negated ? close + 1 : -1;
        }

        private boolean inSet(int from, int to, char c) {
            for (int i = from; i < to; i++) {
                if (i + 2 < to && text.charAt(i + 1) == '-') {
                    if (text.charAt(i) <= c && c <= text.charAt(i + 2)) {
                        return true;
                    }
                    i += 2;
                } else if (text.charAt(i) == c) {
                    return true;
                }
            }
            return false;
        }
    }

    /// A regular expression, written `re:…`, that must match from the start of the name but not to its end.
    record Regex(String text, Pattern pattern) implements ModulePattern {

        /// Returns the pattern written as `text`, with or without `re:`.
        ///
        /// @throws CheckpointException if it is no regular expression
        static Regex of(Path file, String text) {
            try {
                return new Regex(text, Pattern.compile(text.startsWith("re:") ? text.substring(3) : text));
            } catch (PatternSyntaxException e) {
                throw new CheckpointException(
                        file,
                        "pattern %s is not a regular expression: %s"
                                .formatted(Printable.quoted(text), Printable.of(e.getDescription())),
                        e);
            }
        }

        @Override
        public boolean matches(String module, Budget budget) {
            Matcher matcher = pattern.matcher(new Counted(module, budget));
            try {
                return matcher.lookingAt();
            } catch (StackOverflowError e) {
                throw new TooManySteps(e);
            }
        }
    }

    /// How many steps the patterns of one config may still take. Shared by all threads.
    final class Budget {

        private final AtomicLong left;

        Budget(long steps) {
            this.left = new AtomicLong(steps);
        }

        void take(long steps) {
            if (left.addAndGet(-steps) < 0) {
                throw new TooManySteps(null);
            }
        }
    }

    /// A text whose every look at a character is paid for: what bounds a regular expression's search.
    final class Counted implements CharSequence {

        private final String text;
        private final Budget budget;
        private int looks; // not yet taken from the budget

        Counted(String text, Budget budget) {
            this.text = text;
            this.budget = budget;
        }

        @Override
        public int length() {
            return text.length();
        }

        @Override
        public char charAt(int index) {
            if (++looks == BATCH) {
                budget.take(BATCH);
                looks = 0;
            }
            return text.charAt(index);
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return text.substring(start, end);
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /// Ends a search that takes too long.
    final class TooManySteps extends RuntimeException {

        private static final long serialVersionUID = 1L;

        TooManySteps(@Nullable Throwable cause) {
            super(null, cause, false, false);
        }
    }
}
