package io.github.steelyard.calibration;

import io.github.steelyard.files.NaturalOrder;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// A gate that a run did not pass: the input is sound, but what was measured is not good enough for what was asked.
public final class GateException extends RuntimeException {

    private static final long serialVersionUID = 1;

    private static final int NAMED_IN_MESSAGE = 8;

    private final transient List<String> problems;

    /// @param gate what was to be decided, in a few words
    /// @param problems one line each, at least one
    public GateException(String gate, List<String> problems) {
        this(problems.stream().sorted(NaturalOrder.INSTANCE).toList(), gate);
    }

    private GateException(List<String> ordered, String gate) {
        super(message(gate, ordered));
        problems = ordered;
    }

    /// Returns every problem, one line each, in natural order.
    public List<String> problems() {
        return problems;
    }

    private static String message(String gate, List<String> problems) {
        String named = problems.stream().limit(NAMED_IN_MESSAGE).collect(Collectors.joining("; "));
        int unnamed = problems.size() - NAMED_IN_MESSAGE;
        return "%s: %s%s"
                .formatted(gate, named, unnamed > 0 ? String.format(Locale.ROOT, "; and %d more", unnamed) : "");
    }
}
