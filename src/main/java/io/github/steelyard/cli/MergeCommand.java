package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.merge.MergeJob;
import io.github.steelyard.merge.MergeRequest;
import io.github.steelyard.merge.MergeResult;
import io.github.steelyard.option.Arguments;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard merge`: makes one run of those that `calibrate --shard` left.
@Command(
        name = "merge",
        mixinStandardHelpOptions = true,
        description = {
            "Makes one run of runs over parts of a text, as 'calibrate --shard' leaves them.",
            "Its statistics have the bytes of one run over the whole, in whatever order the parts come together."
        })
final class MergeCommand extends SteelyardCommand {

    @Parameters(paramLabel = "RUN", arity = "1..*", description = "Directories of finished runs.")
    List<Path> runs = new ArrayList<>();

    @Option(names = "--out", required = true, paramLabel = "RUN", description = "Directory of the merged run.")
    @Nullable
    Path out;

    @Option(
            names = "--checkpoint",
            paramLabel = "DIR",
            description = "The calibrated checkpoint, if it has moved since; its configs suffice.")
    @Nullable
    Path checkpoint;

    @Option(names = "--partial", description = "Accept that sequences of the text are in none of the runs.")
    boolean partial;

    @Option(names = "--union", description = "Merge runs over different texts.")
    boolean union;

    @Option(names = "--fresh", description = "Forget an unfinished or finished run in --out.")
    boolean fresh;

    MergeCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        MergeResult result = MergeJob.run(
                new MergeRequest(runs, Arguments.required(out), Optional.ofNullable(checkpoint), partial, union, fresh),
                listener());
        return Outcome.gate(result.passed(), result, lines(result));
    }

    private static List<String> lines(MergeResult result) {
        return List.of(
                String.format(
                        Locale.ROOT,
                        "%s: %s, %d runs, %d sites, %d tokens in %d sequences",
                        result.run(),
                        result.status(),
                        result.runs(),
                        result.sites(),
                        result.tokens(),
                        result.sequences()),
                result.coverage(),
                String.format(Locale.ROOT, "peak resident memory %d MiB", result.peakResidentBytes() >> 20));
    }
}
