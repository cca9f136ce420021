package io.github.steelyard.cli;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
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
            StatsCommand.class,
            ExportCommand.class,
            VerifyCommand.class,
            EvaluateCommand.class,
            PlanCommand.class,
            BackendsCommand.class,
            SynthesizeCommand.class,
            BenchCommand.class
        },
        footer = {
            "",
            "Exit codes: 0 done, 1 a gate or a verification failed, 2 wrong usage, 3 an input file cannot be used,",
            "4 out of memory, disk or another resource, 70 a fault of the program, 130 interrupted (run the same",
            "command again to go on)."
        })
public final class Main {

    private Main() {}

    /// Runs one command and ends the process with its exit code.
    public static void main(String[] arguments) {
        Console console = Console.system();
        Interruption interruption = Interruption.install(console);
        int code = run(console, arguments);
        interruption.over();
        System.exit(code);
    }

    /// Runs one command and returns its exit code.
    static int run(Console console, String... arguments) {
        try {
            return commandLine(console).execute(arguments);
        } catch (Error e) {
            return new Failures(console).report(e, List.of(arguments).contains("--verbose"));
        }
    }

    static CommandLine commandLine(Console console) {
        CommandLine.IFactory picocli = CommandLine.defaultFactory();
        CommandLine commandLine = new CommandLine(new Main(), new CommandLine.IFactory() {
            @Override
            public <K> K create(Class<K> type) throws Exception {
                return SteelyardCommand.class.isAssignableFrom(type)
                        ? type.cast(type.getDeclaredConstructor(Console.class).newInstance(console))
                        : picocli.create(type);
            }
        });
        commandLine.setOut(new PrintWriter(console.out(), true, StandardCharsets.UTF_8));
        commandLine.setErr(new PrintWriter(console.err(), true, StandardCharsets.UTF_8));
        commandLine.setUsageHelpWidth(110);
        commandLine.setCaseInsensitiveEnumValuesAllowed(true);
        Failures failures = new Failures(console);
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
