package io.github.steelyard.cli;

import io.github.steelyard.console.Console;
import io.github.steelyard.job.Compute;
import io.github.steelyard.job.ConversionJob;
import io.github.steelyard.job.ConversionRequest;
import io.github.steelyard.job.ConversionResult;
import io.github.steelyard.option.Arguments;
import io.github.steelyard.recipe.ExportOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard convert`: a quantised checkpoint in another layout.
@Command(
        name = "convert",
        mixinStandardHelpOptions = true,
        description = {
            "Writes a quantised checkpoint in another layout.",
            "No code changes; scales that the other layout stores as reciprocals are counted."
        })
final class ConvertCommand extends SteelyardCommand {

    @Parameters(paramLabel = "CHECKPOINT", description = "Directory of the quantised checkpoint.")
    @Nullable
    Path checkpoint;

    @Option(
            names = "--to",
            required = true,
            paramLabel = "modelopt|compressed-tensors",
            converter = Layout.class,
            description = "The layout to write.")
    ExportOptions.@Nullable Format to;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Directory to write; new, or empty.")
    @Nullable
    Path out;

    @Option(
            names = "--threads",
            paramLabel = "N",
            converter = Arguments.Threads.class,
            description = "Worker threads (default: one for each processor).")
    int threads = Compute.defaultThreads();

    /// Reads the name of a layout.
    static final class Layout implements CommandLine.ITypeConverter<ExportOptions.Format> {

        @Override
        public ExportOptions.Format convert(String text) {
            return List.of(ExportOptions.Format.MODELOPT, ExportOptions.Format.COMPRESSED_TENSORS).stream()
                    .filter(format -> format.word().equals(text.toLowerCase(Locale.ROOT)))
                    .findFirst()
                    .orElseThrow(() -> new CommandLine.TypeConversionException(
                            "expected modelopt or compressed-tensors, found '%s'".formatted(text)));
        }
    }

    ConvertCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        ConversionResult result = ConversionJob.run(
                new ConversionRequest(
                        Arguments.required(checkpoint), Arguments.required(out), Arguments.required(to), threads),
                listener());
        return Outcome.ok(result, List.of(ExportCommand.line(result.written()), exactness(result)));
    }

    private static String exactness(ConversionResult result) {
        return result.inexact() == 0
                ? String.format(
                        Locale.ROOT,
                        "codes and block scales are the source's; %d scales are reciprocals now, all of them exact",
                        result.reciprocals())
                : String.format(
                        Locale.ROOT,
                        "codes and block scales are the source's; %d scales are reciprocals now, %d of them off by at"
                                + " most %.2g of their size",
                        result.reciprocals(),
                        result.inexact(),
                        result.largestError());
    }
}
