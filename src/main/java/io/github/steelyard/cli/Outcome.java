package io.github.steelyard.cli;

import io.github.steelyard.console.ExitCode;
import java.util.List;

/// What a command came to.
///
/// @param code the exit code
/// @param result the result for machines: a record, or what else [io.github.steelyard.report.Json] takes
/// @param lines the result for people
record Outcome(int code, Object result, List<String> lines) {

    Outcome {
        lines = List.copyOf(lines);
    }

    /// Returns a result without fault.
    static Outcome ok(Object result, List<String> lines) {
        return new Outcome(ExitCode.OK, result, lines);
    }

    /// Returns a result that failed a gate unless `passed`.
    static Outcome gate(boolean passed, Object result, List<String> lines) {
        return new Outcome(passed ? ExitCode.OK : ExitCode.GATE, result, lines);
    }
}
