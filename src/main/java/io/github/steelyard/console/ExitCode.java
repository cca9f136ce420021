package io.github.steelyard.console;

/// What a command tells the shell.
public final class ExitCode {

    public static final int OK = 0;
    /// A gate or a verification failed; what it found was printed.
    public static final int GATE = 1;
    public static final int USAGE = 2;
    /// A checkpoint, config, recipe, data or statistics file cannot be used.
    public static final int BAD_INPUT = 3;
    /// Out of memory, disk or another resource, or standard output cannot be written.
    public static final int RESOURCE = 4;
    /// A fault of this program.
    public static final int INTERNAL = 70;

    public static final int INTERRUPTED = 130;
    /// Standard output was closed by its reader: what the shell reports of programs that its signal ends.
    public static final int NO_READER = 141;

    private ExitCode() {}
}
