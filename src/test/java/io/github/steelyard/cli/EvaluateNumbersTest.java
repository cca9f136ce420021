package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.console.ExitCode;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// `evaluate` on the embedded tiny checkpoint with one tensor of NaN: a perplexity that is no number is a failure.
final class EvaluateNumbersTest {

    @TempDir
    private Path temp;

    @ParameterizedTest
    @CsvSource({
        "model.layers.1.input_layernorm.weight, the first appeared in layer 1",
        "model.norm.weight, 'all layers gave finite values, so it is the final norm or the head'",
    })
    void evaluate_valuesThatAreNoNumbers_failAndSayWhere(String tensor, String where) throws IOException {
        CommandRun run = evaluate(damaged(tensor), "{\"input_ids\": [1, 2, 3, 4]}");
        assertThat(run.code()).isEqualTo(ExitCode.GATE);
        assertThat(run.err())
                .contains("error: the perplexity is not a number: NaN or infinite in 1 of 1 sequences, " + where);
        assertThat(run.out()).isEmpty();
    }

    @Test
    void evaluate_textWithoutAPrediction_isRefused() throws IOException {
        CommandRun run = evaluate(damaged(""), "{\"input_ids\": [1]}");
        assertThat(run.code()).isEqualTo(ExitCode.BAD_INPUT);
        assertThat(run.err()).contains("no document has two tokens, so that there is nothing to predict");
    }

    private CommandRun evaluate(Path checkpoint, String line) throws IOException {
        Path data = Files.writeString(temp.resolve("data.jsonl"), line + "\n");
        return CommandRun.of("evaluate", checkpoint, "--data", data, "--gemm", "reference", "--threads", 1);
    }

    /// Copies the embedded checkpoint with the first value of a BF16 tensor made NaN.
    private Path damaged(String name) throws IOException {
        Path source = Files.createDirectories(temp.resolve("source"));
        Path target = Files.createDirectories(temp.resolve("damaged"));
        for (String file : List.of(
                "config.json",
                "hf_quant_config.json",
                "tokenizer.json",
                "tokenizer_config.json",
                "model.safetensors")) {
            Path folder = file.endsWith(".safetensors") ? source : target;
            try (InputStream in = getClass().getResourceAsStream("/demo/checkpoint/" + file)) {
                Files.copy(in, folder.resolve(file));
            }
        }
        Files.copy(target.resolve("config.json"), source.resolve("config.json"));
        try (Checkpoint checkpoint = Checkpoint.open(source)) {
            List<Planned> plan = new ArrayList<>();
            List<MemorySegment> bytes = new ArrayList<>();
            for (TensorInfo info : checkpoint.tensors().values()) {
                MemorySegment copy =
                        MemorySegment.ofArray(checkpoint.bytes(info).toArray(ValueLayout.JAVA_BYTE));
                if (info.name().equals(name)) {
                    copy.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, (short) 0x7fc0);
                }
                plan.add(new Planned(info.name(), info.dtype(), info.shape()));
                bytes.add(copy);
            }
            SafetensorsWriter.write(target.resolve("model.safetensors"), plan, Map.of(), bytes);
        }
        return target;
    }
}
