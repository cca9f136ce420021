package io.github.steelyard.template;

import io.github.steelyard.jinja.TemplateException;
import java.util.Locale;

/// What a rendering may take: a bounded number of steps, where making a long value counts as many.
final class Budget {

    /// Most characters of any text that a template makes, its output too.
    static final int MOST_CHARACTERS = 16 << 20;

    private static final long MOST_STEPS = 10_000_000;
    private static final int CHARACTERS_OF_A_STEP = 16;
    private static final int DEEPEST = 100;

    private long steps;
    private int depth;

    /// Counts one step.
    void step() {
        spend(1);
    }

    /// Counts the making of a text or the walk over one.
    void text(long characters) {
        if (characters > MOST_CHARACTERS) {
            throw new TemplateException("makes a text of more than " + MOST_CHARACTERS + " characters");
        }
        spend(1 + characters / CHARACTERS_OF_A_STEP);
    }

    /// Counts the making of so many values, or the walk over them.
    void spend(long more) {
        steps += more;
        if (steps > MOST_STEPS || more > MOST_STEPS) {
            throw new TemplateException(String.format(Locale.ROOT, "takes more than %d steps", MOST_STEPS));
        }
    }

    /// Begins what can lie in itself: macros and values.
    void enter() {
        if (++depth > DEEPEST) {
            throw new TemplateException("calls or values lie deeper than " + DEEPEST + " in one another");
        }
    }

    void leave() {
        depth--;
    }
}
