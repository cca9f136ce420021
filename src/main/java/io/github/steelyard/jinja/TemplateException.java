package io.github.steelyard.jinja;

import java.util.Locale;

/// A template that cannot be run, or that refused its input. The message is one line.
public final class TemplateException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final int line;
    private final boolean refusal;

    private TemplateException(String message, int line, boolean refusal) {
        super(message);
        this.line = line;
        this.refusal = refusal;
    }

    /// Makes the error of a template that is wrong, or that wants what is not done here, at a place not known yet.
    public TemplateException(String message) {
        this(message, 0, false);
    }

    /// Returns the error by which a template itself turns its input down (`raise_exception`).
    public static TemplateException refusal(String message) {
        return new TemplateException(message.lines().findFirst().orElse("").strip(), 0, true);
    }

    /// Returns the same at a line of the template, if no place is known yet.
    public TemplateException at(int place) {
        if (line > 0) {
            return this;
        }
        String message = String.format(Locale.ROOT, "line %d: %s", place, getMessage());
        return new TemplateException(message, place, refusal);
    }

    /// Returns whether the template itself turned its input down.
    public boolean isRefusal() {
        return refusal;
    }
}
