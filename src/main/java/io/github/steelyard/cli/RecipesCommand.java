package io.github.steelyard.cli;

import picocli.CommandLine.Command;

/// `steelyard recipes`: which recipes there are, and what they say.
@Command(
        name = "recipes",
        mixinStandardHelpOptions = true,
        description = {
            "Lists the shipped recipes, shows what a recipe resolves to, and checks it against a checkpoint.",
            "Wherever an option takes a recipe, the name of a shipped one will do."
        },
        subcommands = {
            RecipesListCommand.class,
            RecipesShowCommand.class,
            RecipesResolveCommand.class,
            RecipesCheckCommand.class,
            RecipesSchemaCommand.class
        })
final class RecipesCommand {}
