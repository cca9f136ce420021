package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.ExportOptions.Format;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `scripts/judges`: real consumers, where they are installed, about exports of ours. Where none is, each says so.
final class JudgesTest {

    private static final int JUDGES = 4;

    @TempDir
    private Path temp;

    @Test
    void judges_thatAreInstalled_passOurExports() throws Exception {
        List<String> directories = List.of(
                export("qwen3_moe", Format.COMPRESSED_TENSORS),
                export("nemotron_h", Format.COMPRESSED_TENSORS),
                export("qwen3_moe", Format.VLLM_FAKEQUANT));

        Answer answer = run(Map.of(), directories);

        assertThat(answer.lines())
                .hasSize(JUDGES * directories.size())
                .allMatch(line -> line.matches("judge_\\w+ \\S+: (ran: .*|skipped, .*)"));
        assertThat(answer.code()).isZero();
    }

    @Test
    void judges_withoutPython_areSkipped() throws Exception {
        Answer answer = run(Map.of("PYTHON", temp.resolve("none").toString()), List.of());

        assertThat(answer.lines())
                .hasSize(JUDGES)
                .allMatch(line -> line.endsWith(": skipped, not installed: Python 3.9 or later"));
        assertThat(answer.code()).isZero();
    }

    @Test
    void judge_thatFails_failsTheRun() throws Exception {
        Path python = Files.writeString(temp.resolve("python"), """
                #!/bin/sh
                [ "$1" = -c ] && exit 0
                case "$2" in *transformers.py) echo 'failed: of itself'; exit 1;; esac
                echo 'skipped, not installed: nothing'; exit 77
                """);
        assertThat(python.toFile().setExecutable(true)).isTrue();

        Answer answer = run(Map.of("PYTHON", python.toString()), List.of());

        assertThat(answer.lines()).hasSize(JUDGES).contains("judge_transformers: failed: of itself");
        assertThat(answer.code()).isEqualTo(1);
    }

    private record Answer(int code, List<String> lines) {}

    private static Answer run(Map<String, String> environment, List<String> directories)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("bash", "scripts/judges/run"));
        command.addAll(directories);
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(environment);
        Process process = builder.start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(10, TimeUnit.MINUTES)).isTrue();
        return new Answer(process.exitValue(), Arrays.asList(said.strip().split("\n", -1)));
    }

    private String export(String family, Format format) {
        Path out = temp.resolve(family + "-" + format.word());
        try (Checkpoint source = Checkpoint.open(Shared.path("conformance/architectures/" + family))) {
            Decoder decoder = Families.of(source);
            Plan plan = Exports.plan(
                    decoder,
                    Exports.recipe("*_proj.weight_quantizer", Exports.FP8, "*_proj.input_quantizer", Exports.FP8)
                            .exportedAs(format));
            new CheckpointExporter(
                            ExportSource.of(source, decoder),
                            plan,
                            ScaleTable.resolve(Exports.statistics(source, decoder), plan),
                            Exports.OPTIONS)
                    .export(out, Exports.noInputs());
        }
        return out.toString();
    }
}
