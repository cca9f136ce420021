package io.github.steelyard.cli;

import io.github.steelyard.audit.TensorError;
import io.github.steelyard.audit.Verification;
import io.github.steelyard.console.Console;
import io.github.steelyard.files.Finding;
import io.github.steelyard.job.VerificationJob;
import io.github.steelyard.job.VerificationRequest;
import io.github.steelyard.option.Arguments;
import io.github.steelyard.report.VerificationJson;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `steelyard verify`: re-reads a quantised checkpoint and says what a server would trip over.
@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        description = "Checks a quantised checkpoint: scales, pairs, names, index, declarations.")
final class VerifyCommand extends SteelyardCommand {

    @Parameters(paramLabel = "DIR", description = "Directory of the checkpoint.")
    @Nullable
    Path directory;

    @Option(
            names = "--source",
            paramLabel = "CHECKPOINT",
            description = "The checkpoint that it was made from: measures the error of each weight.")
    @Nullable
    Path source;

    @Option(
            names = "--serving",
            split = ",",
            paramLabel = "ENGINE[@DATE]",
            description = "Ask what this server's loader does with it: vllm, sglang or tensorrt-llm, with a date for a"
                    + " snapshot; several may be named.")
    List<String> serving = List.of();

    @Option(
            names = "--strict",
            description = "Take every warning for an error: scales that look like defaults, unusual names, weights that"
                    + " moved far.")
    boolean strict;

    VerifyCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        Verification verification = VerificationJob.run(
                new VerificationRequest(Arguments.required(directory), Optional.ofNullable(source), serving, strict));
        verification.findings().forEach(console::keep);
        return Outcome.gate(verification.ok(), VerificationJson.of(verification), lines(verification));
    }

    private List<String> lines(Verification verification) {
        List<String> lines = new ArrayList<>();
        for (Finding finding : verification.findings()) {
            lines.add("%s: %s".formatted(finding.isError() ? "error" : "warning", finding.message()));
        }
        verification.errors().stream()
                .min(Comparator.comparingDouble(error -> error.error().sqnr()))
                .map(VerifyCommand::describe)
                .ifPresent(lines::add);
        lines.add("%s: %s, modules %s"
                .formatted(directory, verification.ok() ? "sound" : "not sound", verification.formats()));
        return lines;
    }

    private static String describe(TensorError worst) {
        return String.format(
                Locale.ROOT,
                "largest weight error: %s, %.1f dB",
                worst.module(),
                worst.error().sqnr());
    }
}
