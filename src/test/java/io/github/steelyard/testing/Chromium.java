package io.github.steelyard.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// A headless Chromium, where one is installed. It is given a new profile, no network service of its own, and a log.
public final class Chromium {

    private static final int SECONDS = 120;

    private final Path work;
    private int runs;

    private Chromium(Path work) {
        this.work = work;
    }

    /// Returns the browser; the test is skipped where there is none.
    ///
    /// @param work an empty directory
    public static Chromium orSkip(Path work) {
        assumeTrue(
                Stream.of("/usr/bin/chromium", "/usr/bin/chromium-browser")
                        .map(Path::of)
                        .anyMatch(Files::isExecutable),
                "no Chromium is installed: Debian calls its package chromium");
        return new Chromium(work);
    }

    /// What came of a run.
    ///
    /// @param out standard output
    /// @param log what the browser logged: messages of the console among it
    public record Run(String out, String log) {}

    /// Opens a page.
    ///
    /// @param options further options of the browser
    public Run open(Path page, String... options) throws IOException, InterruptedException {
        Path own = Files.createDirectory(work.resolve("browser" + runs++));
        Path out = own.resolve("out");
        Path log = own.resolve("log");
        List<String> command = new ArrayList<>(List.of(
                Files.isExecutable(Path.of("/usr/bin/chromium")) ? "/usr/bin/chromium" : "/usr/bin/chromium-browser",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--enable-logging=stderr",
                "--user-data-dir=" + own.resolve("profile")));
        command.addAll(List.of(options));
        command.add(page.toUri().toString());
        Process process = new ProcessBuilder(command)
                .redirectOutput(out.toFile())
                .redirectError(log.toFile())
                .start();
        try {
            assertThat(process.waitFor(SECONDS, TimeUnit.SECONDS))
                    .as("ended in time")
                    .isTrue();
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly().waitFor();
        }
        return new Run(Files.readString(out), Files.readString(log));
    }
}
