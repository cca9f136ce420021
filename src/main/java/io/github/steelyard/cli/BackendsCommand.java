package io.github.steelyard.cli;

import picocli.CommandLine.Command;

/// `steelyard backends`: which MoE backend a serving engine picks, and what it hides.
@Command(
        name = "backends",
        mixinStandardHelpOptions = true,
        description = {
            "Which fused-MoE backend a serving engine picks for a layer, why, and whether it shows the expert inputs.",
            "The engines are data: one file per engine and date under configs/serving."
        },
        subcommands = {BackendsListCommand.class, BackendsSelectCommand.class, BackendsExplainCommand.class})
final class BackendsCommand {}
