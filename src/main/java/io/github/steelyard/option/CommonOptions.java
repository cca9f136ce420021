package io.github.steelyard.option;

import picocli.CommandLine.Option;

/// Options that every command has.
public final class CommonOptions {

    @Option(names = "--json", description = "Print the result as JSON on standard output.")
    public boolean json;

    @Option(names = "--verbose", description = "Say more; print a stack trace with an error.")
    public boolean verbose;
}
