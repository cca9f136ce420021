package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.console.Interruption;
import io.github.steelyard.option.Arguments;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/// The entry point: `steelyard COMMAND …`.
@Command(
        name = "steelyard",
        description = "Calibrates the quantizers of mixture-of-experts language models.",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        subcommands = {
            DemoCommand.class,
            InspectCommand.class,
            RunCommand.class,
            CalibrateCommand.class,
            MergeCommand.class,
            StatsCommand.class,
            ExportCommand.class,
            ConvertCommand.class,
            VerifyCommand.class,
            DiffCommand.class,
            ReportCommand.class,
            EvaluateCommand.class,
            PlanCommand.class,
            RecipesCommand.class,
            BackendsCommand.class,
            SynthesizeCommand.class,
            BenchCommand.class
        },
        footer = {
            "",
            "Exit codes: 0 done, 1 a gate or a verification failed, or 'diff' found differences, 2 wrong usage,",
            "3 an input file cannot be used, 4 out of memory, disk or another resource (standard output that takes no",
            "more among them), 70 a fault of the program, 130 interrupted (run the same command again to go on),",
            "141 nobody reads standard output."
        })
public final class Main {

    private Main() {}

    /// Runs one command and ends the process with its exit code.
    public static void main(String[] arguments) {
        // What is written is for machines too: digits and letters are the same everywhere.
        Locale.setDefault(Locale.ROOT);
        Console console = Console.system();
        Interruption interruption = Interruption.install(console);
        int code = run(console, arguments);
        interruption.over();
        System.exit(code);
    }

    /// Runs one command and returns its exit code.
    static int run(Console console, String... arguments) {
        int code = commandLine(console, arguments).execute(arguments);
        return console.lost().map(problem -> lost(console, problem)).orElse(code);
    }

    /// A reader that has seen enough, as `head` does, ends a program without a word; a full disk does not.
    private static int lost(Console console, IOException problem) {
        if (String.valueOf(problem.getMessage()).contains("Broken pipe")) {
            return ExitCode.NO_READER;
        }
        console.error("standard output: cannot be written: " + problem.getMessage());
        return ExitCode.RESOURCE;
    }

    /// Returns the parser of all commands.
    ///
    /// @param arguments what will be parsed: how errors are shown depends on it
    static CommandLine commandLine(Console console, String... arguments) {
        CommandLine.IFactory picocli = CommandLine.defaultFactory();
        CommandLine commandLine = new CommandLine(new Main(), new CommandLine.IFactory() {
            @Override
            public <K> K create(Class<K> type) throws Exception {
                return SteelyardCommand.class.isAssignableFrom(type)
                        ? type.cast(type.getDeclaredConstructor(Console.class).newInstance(console))
                        : picocli.create(type);
            }
        });
        commandLine.setOut(console.helpWriter());
        HelpText.install(commandLine);
        commandLine.setCaseInsensitiveEnumValuesAllowed(true);
        commandLine.registerConverter(Path.class, new Arguments.NamedPath());
        commandLine.setExpandAtFiles(false);
        Failures failures = new Failures(console, arguments);
        commandLine.setExecutionStrategy(parsed -> {
            try {
                return new CommandLine.RunLast().execute(parsed);
            } catch (Error e) {
                return failures.report(e, parsed.asCommandLineList().getLast());
            }
        });
        commandLine.setExecutionExceptionHandler(failures);
        commandLine.setParameterExceptionHandler(failures);
        return commandLine;
    }

    /// The version that the build wrote into the jar.
    static final class Version implements CommandLine.IVersionProvider {

        @Override
        public String[] getVersion() {
            return new String[] {"steelyard " + version()};
        }

        static String version() {
            String version = Main.class.getPackage().getImplementationVersion();
            return version == null ? "development" : version;
        }
    }
}
