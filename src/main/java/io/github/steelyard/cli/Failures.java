package io.github.steelyard.cli;

import io.github.steelyard.calibration.GateException;
import io.github.steelyard.catalogue.CatalogueException;
import io.github.steelyard.console.Console;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.corpus.CorpusException;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.OutputException;
import io.github.steelyard.files.StorageException;
import io.github.steelyard.job.RequestException;
import io.github.steelyard.job.ResourceException;
import io.github.steelyard.natives.NativeException;
import io.github.steelyard.option.Arguments;
import io.github.steelyard.option.UsageException;
import io.github.steelyard.recipe.RecipeException;
import io.github.steelyard.report.Envelope;
import io.github.steelyard.statistics.StatisticsException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.InvalidPathException;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/// Turns what a command throws into one line, the JSON form of it where asked for, and an exit code.
final class Failures implements CommandLine.IExecutionExceptionHandler, CommandLine.IParameterExceptionHandler {

    private final Console console;
    private final boolean json;
    private final boolean verbose;

    /// @param arguments the command line: what it says of the form counts even where it cannot be parsed
    Failures(Console console, String... arguments) {
        this.console = console;
        List<String> options =
                Arrays.stream(arguments).takeWhile(word -> !word.equals("--")).toList();
        json = options.contains("--json") || options.contains("--json=true");
        verbose = options.contains("--verbose") || options.contains("--verbose=true");
    }

    @Override
    public int handleExecutionException(Exception failure, CommandLine command, CommandLine.ParseResult result) {
        return report(failure, command);
    }

    @Override
    public int handleParseException(CommandLine.ParameterException failure, String[] arguments) {
        CommandLine command = failure.getCommandLine();
        List<String> similar = failure instanceof CommandLine.UnmatchedArgumentException unmatched
                ? unmatched.getSuggestions()
                : List.of();
        String help = "'%s --help' shows what there is"
                .formatted(command.getCommandSpec().qualifiedName());
        String hint = similar.isEmpty() ? help : "did you mean %s?".formatted(String.join(" or ", similar));
        show(ExitCode.USAGE, "%s; %s".formatted(failure.getMessage(), hint), null, 0, command);
        return ExitCode.USAGE;
    }

    /// Prints `failure` and returns its exit code.
    int report(Throwable failure, CommandLine command) {
        if (failure instanceof GateException gate) {
            gate.problems().forEach(problem -> console.keep(Finding.error("gate", "", problem)));
        }
        int code = exitCode(failure);
        show(code, message(failure, code), path(failure), line(failure), command);
        if (verbose) {
            StringWriter trace = new StringWriter();
            failure.printStackTrace(new PrintWriter(trace));
            trace.toString().lines().forEach(console::trace);
        }
        return code;
    }

    private void show(int code, String message, @Nullable String path, long line, CommandLine command) {
        console.error(message);
        if (json) {
            console.printJson(Envelope.ofProblem(
                    Arguments.name(command.getCommandSpec()),
                    new Envelope.Problem(message, path, line > 0 ? Long.valueOf(line) : null, code),
                    console.findings()));
        }
    }

    private static int exitCode(Throwable failure) {
        return switch (failure) {
            case GateException e -> ExitCode.GATE;
            case UsageException e -> ExitCode.USAGE;
            case RequestException e -> ExitCode.USAGE;
            case OutputException e -> ExitCode.USAGE;
            case CheckpointException e -> ExitCode.BAD_INPUT;
            case RecipeException e -> ExitCode.BAD_INPUT;
            case CorpusException e -> ExitCode.BAD_INPUT;
            case StatisticsException e -> ExitCode.BAD_INPUT;
            case CatalogueException e -> ExitCode.BAD_INPUT;
            case InvalidPathException e -> ExitCode.BAD_INPUT;
            case StorageException e -> ExitCode.RESOURCE;
            case ResourceException e -> ExitCode.RESOURCE;
            case NativeException e -> ExitCode.RESOURCE;
            case OutOfMemoryError e -> ExitCode.RESOURCE;
            case InternalError e -> isLostFile(e) ? ExitCode.BAD_INPUT : ExitCode.INTERNAL;
            default -> ExitCode.INTERNAL;
        };
    }

    private static @Nullable String path(Throwable failure) {
        Object path = switch (failure) {
            case CheckpointException e -> e.file();
            case RecipeException e -> e.path();
            case CorpusException e -> e.path();
            case StatisticsException e -> e.file();
            case CatalogueException e -> e.file();
            case StorageException e -> e.file();
            default -> null;
        };
        return path == null ? null : path.toString();
    }

    private static long line(Throwable failure) {
        return switch (failure) {
            case RecipeException e -> e.line();
            case CorpusException e -> e.line();
            case CatalogueException e -> e.line();
            default -> 0;
        };
    }

    private static String message(Throwable failure, int code) {
        if (failure instanceof OutOfMemoryError) {
            return "out of memory (%s); give more with --memory".formatted(failure.getMessage());
        }
        if (isLostFile(failure)) {
            return "a file that was being read changed while in use: it is gone, has become shorter, or its device failed";
        }
        String text = failure.getMessage() == null ? failure.toString() : failure.getMessage();
        return code == ExitCode.INTERNAL
                ? "a fault of this program, please report it (--verbose shows where): %s: %s"
                        .formatted(failure.getClass().getSimpleName(), text)
                : text;
    }

    /// Returns whether the JVM reports that memory backed by a file could not be read: it does so by an error without
    /// the file's name.
    private static boolean isLostFile(Throwable failure) {
        return failure instanceof InternalError
                && failure.getMessage() != null
                && failure.getMessage().contains("unsafe memory access");
    }
}
