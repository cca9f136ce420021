package io.github.steelyard.cli;

import java.io.PrintStream;

/// Where a command prints: results on standard output, everything else on standard error.
///
/// @param out standard output
/// @param err standard error
/// @param terminal whether standard error is a terminal, where a progress line may be redrawn
record Console(PrintStream out, PrintStream err, boolean terminal) {

    /// Returns the console of this process. The launcher says whether standard error is a terminal.
    static Console system() {
        return new Console(System.out, StandardError.open(), Boolean.getBoolean("steelyard.terminal"));
    }

    /// Prints a result.
    void print(String text) {
        out.println(text);
        out.flush();
    }

    /// Prints a remark.
    void note(String text) {
        err.println(text);
        err.flush();
    }
}
