package io.github.steelyard.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
    public static Chromium orSkip(Path work) throws IOException, InterruptedException {
        assumeTrue(
                Stream.of("/usr/bin/chromium", "/usr/bin/chromium-browser")
                        .map(Path::of)
                        .anyMatch(Files::isExecutable),
                "no Chromium is installed: Debian calls its package chromium");
        Chromium chromium = new Chromium(work);
        Path page = Files.writeString(work.resolve("probe.html"), "<!DOCTYPE html><p>works");
        assumeTrue(
                chromium.run(page, List.of("--dump-dom"))
                        .filter(run -> run.out().contains("works"))
                        .isPresent(),
                "Chromium is installed, and does not run here");
        return chromium;
    }

    /// What came of a run.
    ///
    /// @param out standard output
    /// @param log what the browser logged: messages of the console among it
    public record Run(String out, String log) {}

    /// Opens a page.
    ///
    /// @param options further options of the browser, one of which ends it: `--dump-dom` or `--screenshot`
    public Run open(Path page, String... options) throws IOException, InterruptedException {
        Optional<Run> run = run(page, List.of(options));
        assertThat(run).as("ended in time").isPresent();
        return run.orElseThrow();
    }

    private Optional<Run> run(Path page, List<String> options) throws IOException, InterruptedException {
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
                "--disable-dev-shm-usage",
                "--enable-logging=stderr",
                "--user-data-dir=" + own.resolve("profile")));
        command.addAll(options);
        command.add(page.toUri().toString());
        Process process = new ProcessBuilder(command)
                .redirectOutput(out.toFile())
                .redirectError(log.toFile())
                .start();
        try {
            return process.waitFor(SECONDS, TimeUnit.SECONDS)
                    ? Optional.of(new Run(Files.readString(out), Files.readString(log)))
                    : Optional.empty();
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly().waitFor();
        }
    }
}
