package io.github.steelyard.cli;

import picocli.CommandLine.Option;

/// Options that every command has.
final class CommonOptions {

    @Option(names = "--json", description = "Print the result as JSON on standard output.")
    boolean json;

    @Option(names = "--verbose", description = "Say more; print a stack trace with an error.")
    boolean verbose;
}
