package io.github.steelyard.cli;

import com.sun.management.OperatingSystemMXBean;
import io.github.steelyard.console.Console;
import io.github.steelyard.console.ExitCode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Gives one target its inputs, seed by seed, and judges how the program answers: with one of the exit codes for a user
/// and without a trace, in 5 seconds of processor time and the memory of this process.
final class FuzzLoop {

    private static final long LONGEST = 5_000_000_000L; // nanoseconds of processor time

    // What the compiler and the collector of the JVM may need beside a command.
    private static final long LONGEST_PROCESS = 4 * LONGEST;

    private static final Pattern FRAME = Pattern.compile("\tat (io\\.github\\.steelyard\\.\\S+)");
    private static final Pattern THROWN = Pattern.compile("(?m)^(?:Caused by: )?([\\w.$]+(?:Exception|Error))");

    private final FuzzTarget target;
    private final Map<String, Integer> faults = new HashMap<>();
    private final Map<Integer, Long> exitCodes = new TreeMap<>();
    private volatile long seed;
    private volatile long begun; // processor time of the worker when the present command began; -1 between commands
    private volatile String what = "";
    private long processorTime;
    private long count;

    FuzzLoop(FuzzTarget target) {
        this.target = target;
    }

    long count() {
        return count;
    }

    /// Returns the mean processor time of an input, in microseconds.
    long microseconds() {
        return processorTime / 1000 / Math.max(count, 1);
    }

    Map<Integer, Long> exitCodes() {
        return exitCodes;
    }

    /// Runs seeds from `first` on for so many nanoseconds; returns the number of kinds of faults.
    int run(long first, long nanoseconds) {
        Thread watchdog = watchdog(Thread.currentThread());
        long end = System.nanoTime() + nanoseconds;
        while (System.nanoTime() < end) {
            seed = first + count;
            attempt(false);
            count++;
        }
        watchdog.interrupt();
        return faults.size();
    }

    /// Runs one seed and prints what the program prints; returns the number of faults.
    int replay(long only) {
        seed = only;
        attempt(true);
        return faults.size();
    }

    private void attempt(boolean verbose) {
        Attempt attempt;
        try {
            attempt = target.next(
                    new Random(seed * 0x9E3779B97F4A7C15L + target.name().hashCode()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        what = attempt.toString();
        begun = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        CommandRun run = run(attempt, verbose);
        processorTime += ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - begun;
        begun = -1;
        exitCodes.merge(run.code(), 1L, Long::sum);
        if (verbose) {
            System.out.printf("%s%n%s%sexit %d%n", attempt, run.err(), run.out(), run.code());
        }
        fault(run, verbose).ifPresent(fault -> report(fault, run(attempt, true)));
    }

    private static CommandRun run(Attempt attempt, boolean verbose) {
        return switch (attempt) {
            case Attempt.Call call -> call(call, verbose);
            case Attempt.Commands commands -> {
                CommandRun run = new CommandRun(ExitCode.OK, "", "");
                for (Object[] words : commands.words()) {
                    Object[] all = Arrays.copyOf(words, words.length + (verbose ? 1 : 0));
                    if (verbose) {
                        all[words.length] = "--verbose";
                    }
                    run = CommandRun.of(all);
                    if (run.code() != ExitCode.OK) {
                        break;
                    }
                }
                yield run;
            }
        };
    }

    private static CommandRun call(Attempt.Call call, boolean verbose) {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        PrintStream stream = new PrintStream(err, true, StandardCharsets.UTF_8);
        int code = ExitCode.OK;
        try {
            call.action().run();
        } catch (Throwable e) {
            Console console = new Console(stream, stream, false);
            code = new Failures(console, verbose ? "--verbose" : "").report(e, Main.commandLine(console));
        }
        return new CommandRun(code, "", err.toString(StandardCharsets.UTF_8));
    }

    private static Optional<String> fault(CommandRun run, boolean verbose) {
        if (run.code() < 0 || run.code() > ExitCode.RESOURCE) {
            return Optional.of("exit " + run.code());
        }
        if (!verbose && run.err().contains("\tat ")) {
            return Optional.of("a stack trace");
        }
        if (run.err().contains("error: out of memory")) {
            return Optional.of("out of memory");
        }
        if (run.code() != ExitCode.OK && run.err().isEmpty() && run.out().isEmpty()) {
            return Optional.of("exit %d without a word".formatted(run.code()));
        }
        return Optional.empty();
    }

    /// Reports a fault the first time that one of its kind is met: the exception and the place that threw it.
    private void report(String what, CommandRun verbose) {
        String trace = verbose.err();
        Matcher thrown = THROWN.matcher(trace);
        Matcher frame = FRAME.matcher(trace);
        String kind = "%s: %s at %s"
                .formatted(what, thrown.find() ? thrown.group(1) : "?", frame.find() ? frame.group(1) : "?");
        if (faults.merge(kind, 1, Integer::sum) == 1) {
            System.out.printf(
                    "fuzz: FAULT %s%n  %s%n  %s%n",
                    kind,
                    again(),
                    trace.lines()
                            .limit(14)
                            .map(line -> line.length() > 300 ? line.substring(0, 300) + "…" : line)
                            .collect(Collectors.joining("\n  ")));
        }
    }

    private String again() {
        return "target %s, seed %d; again: mvn test -Dtest=FuzzTest -Dfuzz.target=%s -Dfuzz.seed=%d; %s"
                .formatted(target.name(), seed, target.name(), seed, what);
    }

    /// Ends the process if a command runs too long: it cannot be stopped otherwise.
    private Thread watchdog(Thread worker) {
        OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        Thread thread = new Thread(() -> {
            long watched = -1;
            long process = 0;
            while (true) {
                try {
                    Thread.sleep(100);
                } catch (InterruptedException e) {
                    return;
                }
                long since = begun;
                if (since < 0 || since != watched) {
                    watched = since;
                    process = system.getProcessCpuTime();
                    continue;
                }
                long used = ManagementFactory.getThreadMXBean().getThreadCpuTime(worker.threadId()) - since;
                if (used > LONGEST || system.getProcessCpuTime() - process > LONGEST_PROCESS) {
                    System.out.printf("fuzz: HANG after %d ms of processor time%n  %s%n", used / 1_000_000, again());
                    Thread.getAllStackTraces().forEach((other, frames) -> {
                        if (other.equals(worker) || other.getName().startsWith("steelyard")) {
                            System.out.println("  " + other.getName());
                            Stream.of(frames).limit(25).forEach(each -> System.out.println("    at " + each));
                        }
                    });
                    System.out.flush();
                    Runtime.getRuntime().halt(1);
                }
            }
        });
        thread.setDaemon(true);
        thread.start();
        return thread;
    }
}
