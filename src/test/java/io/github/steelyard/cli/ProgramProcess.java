package io.github.steelyard.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// `steelyard` in a process of its own, as a terminal would run it, with its standard error read as it comes.
final class ProgramProcess implements AutoCloseable {

    private final Process process;
    private final ProgressWatcher err;
    private final CountDownLatch awaited = new CountDownLatch(1);
    private final Thread reader;

    private ProgramProcess(Process process, String progress) {
        this.process = process;
        this.err = new ProgressWatcher(progress, awaited::countDown);
        this.reader = new Thread(this::read, "standard error");
        reader.setDaemon(true);
        reader.start();
    }

    /// Starts the program.
    ///
    /// @param progress text on standard error that [#awaitProgress] waits for
    static ProgramProcess start(String progress, Object... arguments) {
        return startAfter("true", progress, arguments);
    }

    /// Starts the program after a command of the shell, in the same process: for its limits.
    static ProgramProcess startAfter(String shell, String progress, Object... arguments) {
        List<String> command = new ArrayList<>(List.of(
                "bash",
                "-c",
                shell + " && exec \"$@\"",
                "bash",
                java(),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Dsteelyard.terminal=true",
                "-XX:+UseSerialGC",
                "-XX:-UsePerfData",
                "-Xmx512m",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        try {
            Process process = new ProcessBuilder(command)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return new ProgramProcess(process, progress);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Waits until the awaited text has appeared or the process has ended.
    void awaitProgress() throws InterruptedException {
        while (process.isAlive() && !awaited.await(20, TimeUnit.MILLISECONDS)) {
            Thread.onSpinWait();
        }
    }

    /// Returns the process.
    Process process() {
        return process;
    }

    /// Waits for the end and returns the exit code.
    int exitCode() throws InterruptedException {
        if (!process.waitFor(120, TimeUnit.SECONDS)) {
            throw new AssertionError("still running after two minutes: " + err.text());
        }
        reader.join();
        return process.exitValue();
    }

    /// Returns standard error without what the JVM itself says of its modules; complete once [#exitCode] has returned.
    String err() {
        return err.text().toString().replaceAll("(?m)^(WARNING: Using incubator|Picked up JAVA_TOOL).*\\R", "");
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    private void read() {
        try (BufferedReader in =
                new BufferedReader(new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
            for (int c = in.read(); c >= 0; c = in.read()) {
                err.write(Character.toString(c).getBytes(StandardCharsets.UTF_8), 0, 1);
            }
        } catch (IOException e) {
            awaited.countDown(); // the process is gone
        }
    }

    private static String java() {
        return System.getProperty("java.home") + "/bin/java";
    }
}
