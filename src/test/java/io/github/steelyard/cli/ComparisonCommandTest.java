package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.console.ExitCode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// `evaluate --against` over the command line.
final class ComparisonCommandTest {

    @TempDir
    private Path temp;

    @Test
    void run_againstItsSource_tellsWhatQuantisationCosts() {
        Path run = temp.resolve("run");
        CommandRun.calibrate(run, CommandRun.recipe("nvfp4-experts"), "--max-sequences", 4)
                .expect(ExitCode.OK);

        Object[] options = {"--run", run, "--against", "source", "--layers"};
        JsonNode json = evaluate(options, "--json").json();
        assertThat(json.get("perplexity").doubleValue())
                .isEqualTo(evaluate(new Object[] {"--run", run}, "--json")
                        .json()
                        .get("perplexity")
                        .doubleValue());
        assertThat(json.get("against").get("checkpoint").textValue())
                .isEqualTo(CommandRun.model("bf16").toString());
        assertThat(json.get("against").get("kl_divergence").doubleValue()).isBetween(0.001, 0.1);
        JsonNode layers = json.get("by_layers").get("layers");
        assertThat(layers).hasSize(4);
        assertThat(json.get("by_layers").get("linears")).hasSize(4 * (5 + 3 * 16));

        List<String> lines = evaluate(options).out().lines().toList();
        assertThat(lines.get(1)).startsWith("against " + CommandRun.model("bf16") + ": perplexity ");
        assertThat(lines.get(2)).matches("perplexity ratio   \\d\\.\\d{6} ± \\d\\.\\d{6}");
        assertThat(lines.get(3)).matches("KL divergence      0\\.\\d{6} ± 0\\.\\d{6} nats, at most \\d+\\.\\d{6}");
        assertThat(lines.get(4)).matches("top-1 agreement    \\d+\\.\\d\\d %");
        assertThat(lines.get(7)).matches(" {4}0 +\\d+\\.\\d\\d +\\d+\\.\\d\\d {2}model\\.layers\\.0\\..*");
    }

    @ParameterizedTest
    @CsvSource({
        "--layers, --layers has no effect without --against",
        "--against source, '--against source: only a run knows its source; name the directory'",
        "--against x --logits y, --logits and --against exclude each other",
    })
    void options_withoutEffect_areRefused(String options, String message) {
        CommandRun run = evaluate(options.split(" ")).expect(ExitCode.USAGE);
        assertThat(run.err()).contains("error: " + message);
    }

    private static CommandRun evaluate(Object[] options, Object... more) {
        List<Object> arguments = new ArrayList<>(List.of("evaluate", CommandRun.model("bf16")));
        arguments.addAll(List.of("--data", CommandRun.calibrationText(), "--max-sequences", 3));
        arguments.addAll(List.of(options));
        arguments.addAll(List.of(more));
        return CommandRun.of(arguments.toArray());
    }
}
