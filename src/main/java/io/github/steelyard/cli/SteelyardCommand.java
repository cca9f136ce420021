package io.github.steelyard.cli;

import picocli.CommandLine.Mixin;

/// What all commands have: a console and the common options. A command returns its exit code.
sealed class SteelyardCommand
        permits BenchCommand,
                DemoCommand,
                InspectCommand,
                RunCommand,
                CalibrateCommand,
                StatsCommand,
                ExportCommand,
                VerifyCommand,
                EvaluateCommand,
                PlanCommand,
                BackendsListCommand,
                BackendsSelectCommand,
                BackendsExplainCommand,
                SynthesizeCommand {

    final Console console;

    @Mixin
    final CommonOptions common = new CommonOptions();

    SteelyardCommand(Console console) {
        this.console = console;
    }
}
