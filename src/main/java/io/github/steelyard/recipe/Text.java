package io.github.steelyard.recipe;

/// Foreign text in messages.
final class Text {

    private static final int LONGEST = 80;

    private Text() {}

    /// Returns `count` and the noun, in the plural unless the count is 1.
    static String count(int count, String noun) {
        return count + " " + noun + (count == 1 ? "" : "s");
    }

    /// Returns `text` on one line: control characters as `?`, cut after 80 characters.
    static String brief(String text) {
        String line = text.length() > LONGEST ? text.substring(0, LONGEST) + "…" : text;
        StringBuilder plain = new StringBuilder(line.length());
        line.chars().forEach(c -> plain.append(Character.isISOControl(c) ? '?' : (char) c));
        return plain.toString();
    }
}
