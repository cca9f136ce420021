package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.dossier.DossierJob;
import io.github.steelyard.dossier.DossierRequest;
import io.github.steelyard.dossier.DossierResult;
import io.github.steelyard.option.Arguments;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard report`: a page to look at.
@Command(
        name = "report",
        mixinStandardHelpOptions = true,
        description = {
            "Writes a page that shows runs, exports and evaluations, and the same as JSON beside it.",
            "The page is one HTML file that a browser opens from disk, without a network."
        })
final class ReportCommand extends SteelyardCommand {

    @Parameters(
            arity = "1..*",
            paramLabel = "RUN|EXPORT|EVALUATION",
            description = "Directory of a run, directory of an export, or a file with what 'evaluate --json' printed.")
    List<Path> inputs = List.of();

    @Option(
            names = "--out",
            required = true,
            paramLabel = "FILE.html",
            description = "The page; the JSON is called FILE.json.")
    @Nullable
    Path out;

    @Option(
            names = "--checkpoint",
            paramLabel = "DIR",
            description = "The calibrated checkpoint of the runs, if it has moved since.")
    @Nullable
    Path checkpoint;

    ReportCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        DossierResult result = DossierJob.run(
                new DossierRequest(inputs, Optional.ofNullable(checkpoint), Arguments.required(out)), listener());
        return Outcome.ok(result, List.of("wrote %s and %s".formatted(result.page(), result.data())));
    }
}
