package io.github.steelyard.pattern;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What the text of a regular expression tells before it is compiled: how large it gets once its counted repeats are
/// unfolded, what every match must contain, whether it tells one digit from another, and where it looks ahead.
///
/// The text is cut into parts only; whether it is a regular expression is for its compiler to say.
///
/// @param size characters and groups, repeats unfolded
/// @param literal a text that every match contains; may be empty
/// @param blindToDigits whether any digit of a name can be any other without a change to the match
/// @param alternatives whether there are some outside any group
/// @param parts the text, cut at its lookaheads
record RegexOutline(long size, String literal, boolean blindToDigits, boolean alternatives, List<Part> parts) {

    private static final Pattern ANY_DIGIT = Pattern.compile("(?<!\\\\)\\[0-9]");
    private static final Pattern REPEAT = Pattern.compile("(?<!\\\\)\\{\\d{1,4}(?:,\\d{0,4})?}");
    private static final Pattern BOUNDS = Pattern.compile("(\\d{1,9})(?:,(\\d{0,9}))?");
    private static final Pattern DIGIT = Pattern.compile("\\d");
    private static final String SPECIAL = ".*+?()[]{}|^$\\";
    private static final String QUANTIFIERS = "*+?{";
    private static final String CLASSES = "dDsSwWbBAzafnrtv"; // letters that an escape ends with

    /// What a part of the text is.
    enum Kind {
        /// Consumes what it matches.
        TEXT,
        /// Must match from here on, and consumes nothing.
        AHEAD,
        /// Must not match from here on.
        NOT_AHEAD
    }

    /// A part of the text.
    record Part(Kind kind, String text) {}

    static RegexOutline of(String regex) {
        Scan scan = new Scan(regex);
        scan.run();
        String plain = ANY_DIGIT.matcher(regex).replaceAll("");
        boolean blind = !DIGIT.matcher(
                        plain.indexOf('[') < 0 ? REPEAT.matcher(plain).replaceAll("") : plain)
                .find();
        return new RegexOutline(scan.size(), scan.literal(), blind, scan.alternatives, scan.parts);
    }

    /// One walk over the text.
    private static final class Scan {

        private final String regex;
        private final List<Part> parts = new ArrayList<>();
        private final Deque<Long> groups = new ArrayDeque<>(); // sizes of the groups around
        private long size; // of the group that is being read
        private long atom; // size of the element read last
        private int partStart;
        private String best = "";
        private final StringBuilder run = new StringBuilder();
        private boolean alternatives; // outside any group
        private boolean unclear; // a flag, or an escape that goes on after its letter, may change what letters mean

        Scan(String regex) {
            this.regex = regex;
        }

        long size() {
            return groups.stream().reduce(size, Long::sum);
        }

        String literal() {
            return alternatives || unclear || parts.size() > 1 ? "" : best;
        }

        void run() {
            int i = 0;
            while (i < regex.length()) {
                char c = regex.charAt(i);
                switch (c) {
                    case '\\' -> i = escape(i);
                    case '[' -> i = element(endOfClass(i));
                    case '(' -> i = open(i);
                    case ')' -> i = close(i);
                    case '{' -> i = repeat(i);
                    case '|' -> {
                        alternatives |= groups.isEmpty();
                        i = element(i + 1);
                    }
                    default -> i = SPECIAL.indexOf(c) >= 0 ? element(i + 1) : letter(c, i + 1);
                }
            }
            endRun();
            parts.add(new Part(Kind.TEXT, regex.substring(partStart)));
        }

        private int escape(int i) {
            if (i + 1 >= regex.length()) {
                return element(i + 1);
            }
            char c = regex.charAt(i + 1);
            if (!Character.isLetterOrDigit(c)) {
                return letter(c, i + 2);
            }
            unclear |= CLASSES.indexOf(c) < 0;
            return element(i + 2);
        }

        private int letter(char c, int next) {
            boolean quantified = next < regex.length() && QUANTIFIERS.indexOf(regex.charAt(next)) >= 0;
            if (groups.isEmpty() && !quantified) {
                run.append(c);
            } else {
                endRun();
            }
            size++;
            atom = 1;
            return next;
        }

        private int element(int next) {
            endRun();
            size++;
            atom = 1;
            return next;
        }

        private void endRun() {
            best = run.length() > best.length() ? run.toString() : best;
            run.setLength(0);
        }

        private int endOfClass(int open) {
            int i = open + 1;
            if (i < regex.length() && regex.charAt(i) == '^') {
                i++;
            }
            boolean first = true;
            for (; i < regex.length(); i++, first = false) {
                if (regex.charAt(i) == '\\') {
                    i++;
                } else if (regex.charAt(i) == ']' && !first) {
                    return i + 1;
                }
            }
            return regex.length();
        }

        private int open(int i) {
            endRun();
            Kind ahead = regex.startsWith("(?=", i) ? Kind.AHEAD : Kind.NOT_AHEAD;
            boolean looks = ahead == Kind.AHEAD || regex.startsWith("(?!", i);
            int end = looks && groups.isEmpty() ? endOfGroup(i) : -1;
            if (end > 0) {
                parts.add(new Part(Kind.TEXT, regex.substring(partStart, i)));
                parts.add(new Part(ahead, regex.substring(i + 3, end)));
                partStart = end + 1;
                size += of(regex.substring(i + 3, end)).size();
                return end + 1;
            }
            unclear |= regex.startsWith("(?", i);
            groups.push(size);
            size = 1;
            return i + 1;
        }

        private int endOfGroup(int open) {
            int depth = 0;
            for (int i = open; i < regex.length(); i++) {
                switch (regex.charAt(i)) {
                    case '\\' -> i++;
                    case '[' -> i = endOfClass(i) - 1;
                    case '(' -> depth++;
                    case ')' -> {
                        if (--depth == 0) {
                            return i;
                        }
                    }
                    default -> {}
                }
            }
            return -1;
        }

        private int close(int i) {
            endRun();
            atom = size;
            if (!groups.isEmpty()) {
                size = groups.pop() + atom;
            }
            return i + 1;
        }

        private int repeat(int i) {
            endRun();
            int close = regex.indexOf('}', i);
            String text = close < 0 ? "" : regex.substring(i + 1, close);
            Matcher bounds = BOUNDS.matcher(text);
            if (!bounds.matches()) {
                return element(i + 1);
            }
            String upper = bounds.group(2);
            long most = Long.parseLong(upper == null || upper.isEmpty() ? bounds.group(1) : upper);
            most = Math.max(1, most);
            long grown = atom > Integer.MAX_VALUE ? atom : atom * most; // beyond any limit already
            size += grown - atom;
            atom = grown;
            return close + 1;
        }
    }
}
