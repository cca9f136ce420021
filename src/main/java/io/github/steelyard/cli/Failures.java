package io.github.steelyard.cli;

import io.github.steelyard.calibration.GateException;
import io.github.steelyard.calibration.StatisticsException;
import io.github.steelyard.checkpoint.CheckpointException;
import io.github.steelyard.checkpoint.StorageException;
import io.github.steelyard.corpus.CorpusException;
import io.github.steelyard.natives.NativeException;
import io.github.steelyard.oracle.CatalogueException;
import io.github.steelyard.recipe.RecipeException;
import picocli.CommandLine;

/// Turns what a command throws into one line and an exit code.
final class Failures implements CommandLine.IExecutionExceptionHandler, CommandLine.IParameterExceptionHandler {

    private final Console console;

    Failures(Console console) {
        this.console = console;
    }

    @Override
    public int handleExecutionException(Exception failure, CommandLine command, CommandLine.ParseResult result) {
        return report(failure, verbose(result));
    }

    @Override
    public int handleParseException(CommandLine.ParameterException failure, String[] arguments) {
        console.note("error: " + failure.getMessage());
        CommandLine command = failure.getCommandLine();
        if (!CommandLine.UnmatchedArgumentException.printSuggestions(failure, command.getErr())) {
            console.note("try '%s --help'".formatted(command.getCommandSpec().qualifiedName()));
        }
        return ExitCode.USAGE;
    }

    /// Prints `failure` and returns its exit code.
    int report(Throwable failure, boolean verbose) {
        if (failure instanceof GateException gate) {
            gate.problems().forEach(problem -> console.note("error: " + problem));
        }
        int code = exitCode(failure);
        console.note("error: " + message(failure, code));
        if (verbose) {
            failure.printStackTrace(console.err());
        }
        return code;
    }

    private static int exitCode(Throwable failure) {
        return switch (failure) {
            case GateException e -> ExitCode.GATE;
            case UsageException e -> ExitCode.USAGE;
            case CheckpointException e -> ExitCode.BAD_INPUT;
            case RecipeException e -> ExitCode.BAD_INPUT;
            case CorpusException e -> ExitCode.BAD_INPUT;
            case StatisticsException e -> ExitCode.BAD_INPUT;
            case CatalogueException e -> ExitCode.BAD_INPUT;
            case StorageException e -> ExitCode.RESOURCE;
            case ResourceException e -> ExitCode.RESOURCE;
            case NativeException e -> ExitCode.RESOURCE;
            case OutOfMemoryError e -> ExitCode.RESOURCE;
            case InternalError e -> isLostFile(e) ? ExitCode.BAD_INPUT : ExitCode.INTERNAL;
            default -> ExitCode.INTERNAL;
        };
    }

    private static String message(Throwable failure, int code) {
        if (failure instanceof OutOfMemoryError) {
            return "out of memory (%s); give more with --memory".formatted(failure.getMessage());
        }
        if (isLostFile(failure)) {
            return "a file that was being read is gone, has become shorter, or its device failed";
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

    private static boolean verbose(CommandLine.ParseResult result) {
        CommandLine.ParseResult last = result;
        while (last.hasSubcommand()) {
            last = last.subcommand();
        }
        return last.hasMatchedOption("--verbose");
    }
}
