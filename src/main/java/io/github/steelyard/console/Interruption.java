package io.github.steelyard.console;

/// Answers SIGINT and SIGTERM: one line and exit code 130, whatever the command was doing.
///
/// Nothing needs to be saved here. What a calibration has finished is on disk after each layer, and every file and
/// directory appears under its name only when it is whole: a process may end at any instant.
public final class Interruption {

    private volatile boolean over;

    private Interruption() {}

    /// Begins to answer, until [#over].
    public static Interruption install(Console console) {
        Interruption interruption = new Interruption();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> interruption.answer(console), "steelyard-interruption"));
        return interruption;
    }

    /// Says that the command is over: from now on the process ends with its exit code.
    public void over() {
        over = true;
    }

    private void answer(Console console) {
        if (!over) {
            console.note(
                    "interrupted; run the same command again: a calibration goes on after its last finished layer");
            Runtime.getRuntime().halt(ExitCode.INTERRUPTED);
        }
    }
}
