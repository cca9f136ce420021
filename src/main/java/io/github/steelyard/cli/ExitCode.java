package io.github.steelyard.cli;

/// What a command tells the shell.
final class ExitCode {

    static final int OK = 0;
    /// A gate or a verification failed; what it found was printed.
    static final int GATE = 1;
    static final int USAGE = 2;
    /// A checkpoint, config, recipe, data or statistics file cannot be used.
    static final int BAD_INPUT = 3;
    /// Out of memory, disk or another resource, or standard output cannot be written.
    static final int RESOURCE = 4;
    /// A fault of this program.
    static final int INTERNAL = 70;

    static final int INTERRUPTED = 130;
    /// Standard output was closed by its reader: what the shell reports of programs that its signal ends.
    static final int NO_READER = 141;

    private ExitCode() {}
}
