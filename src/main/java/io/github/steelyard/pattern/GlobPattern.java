package io.github.steelyard.pattern;

/// Shell wildcards as in Python's fnmatch: `*` any text, dots included, `?` one character, `[abc]` and `[!abc]`
/// one of a set. A match of the module's beginning up to a dot counts: the pattern then names a module around it.
public record GlobPattern(String text) implements ModulePattern {

    /// Steps that are taken from the budget at once.
    private static final int BATCH = 1024;

    /// Returns whether `text` holds a wildcard.
    public static boolean isGlob(String text) {
        return text.indexOf('*') >= 0 || text.indexOf('?') >= 0 || text.indexOf('[') >= 0;
    }

    @Override
    public boolean blindToDigits() {
        return text.chars().noneMatch(c -> c >= '0' && c <= '9');
    }

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
        boolean negated = text.startsWith("[!", p);
        int set = negated ? p + 2 : p + 1;
        int close = element == '[' ? text.indexOf(']', set + 1) : -1; // a set holds one at least, be it a bracket
        if (close < 0) {
            return element == '?' || element == c ? p + 1 : -1;
        }
        return inSet(set, close, c) != negated ? close + 1 : -1;
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
