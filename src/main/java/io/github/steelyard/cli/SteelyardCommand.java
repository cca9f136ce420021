package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.console.ConsoleListener;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.option.Arguments;
import io.github.steelyard.option.CommonOptions;
import io.github.steelyard.report.Envelope;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/// What all commands have: a console, the common options, and one way to print what they came to.
abstract sealed class SteelyardCommand implements Callable<Integer>
        permits BenchCommand,
                DemoCommand,
                DiffCommand,
                ReportCommand,
                InspectCommand,
                RunCommand,
                CalibrateCommand,
                MergeCommand,
                StatsCommand,
                ConvertCommand,
                ExportCommand,
                VerifyCommand,
                EvaluateCommand,
                PlanCommand,
                RecipesListCommand,
                RecipesShowCommand,
                RecipesResolveCommand,
                RecipesCheckCommand,
                RecipesSchemaCommand,
                BackendsListCommand,
                BackendsSelectCommand,
                BackendsExplainCommand,
                SynthesizeCommand {

    final Console console;

    @Mixin
    final CommonOptions common = new CommonOptions();

    @Spec
    @Nullable
    CommandSpec spec;

    SteelyardCommand(Console console) {
        this.console = console;
    }

    /// Does the work. Remarks and findings go to the console on the way; the result is printed after.
    abstract Outcome run();

    /// Returns what hears a job.
    final JobListener listener() {
        return new ConsoleListener(console, common.verbose);
    }

    /// Returns whether the result is for machines whatever the options say.
    boolean machineReadable() {
        return common.json;
    }

    @Override
    public final Integer call() {
        Outcome outcome = run();
        if (machineReadable()) {
            console.printJson(Envelope.ofResult(
                    Arguments.name(Arguments.required(spec)),
                    outcome.code() == ExitCode.OK,
                    outcome.result(),
                    console.findings()));
        } else {
            outcome.lines().forEach(console::print);
        }
        return outcome.code();
    }
}
