package io.github.steelyard.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.moe.Families;
import io.github.steelyard.testing.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/// Calibration data: lines of JSON with token ids or texts, and plain text.
final class DataTarget implements FuzzTarget {

    private static final List<JsonNode> LINES = List.of(
            Json.parse("{\"input_ids\":[1,2,3,4,5,6,7,8]}"),
            Json.parse("{\"input_ids\":[63,62],\"attention_mask\":[1,1],\"labels\":[-100,62]}"),
            Json.parse("{\"text\":\"The quick brown fox\",\"meta\":{\"source\":\"x\"}}"),
            Json.parse("{\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}"),
            Json.parse("{\"instruction\":\"Say\",\"input\":\"\",\"output\":\"Hi\"}"));

    private final Path checkpoint;
    private final Path directory;
    private final JsonMutation mutation = new JsonMutation(LINES);

    DataTarget(FuzzFiles files) throws IOException {
        this.checkpoint = files.copy(files.checkpoint("bf16"), "data-checkpoint");
        this.directory = Files.createDirectory(files.root().resolve("data"));
        Files.writeString(checkpoint.resolve("tokenizer.json"), """
                {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
                 "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
                 "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "The": 1, "quick": 2, "fox": 3}, "unk_token": "[UNK]"}}
                """);
    }

    @Override
    public String name() {
        return "data";
    }

    @Override
    public Attempt next(Random random) throws IOException {
        Path file = directory.resolve(random.nextInt(10) == 0 ? "data.txt" : "data.jsonl");
        StringBuilder text = new StringBuilder();
        for (int lines = 1 + random.nextInt(3); lines > 0; lines--) {
            text.append(
                            random.nextInt(3) == 0
                                    ? HostileValues.pick(LINES, random).toString()
                                    : mutation.mutated(random))
                    .append(random.nextInt(20) == 0 ? "\r" : "\n");
        }
        byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
        Files.write(file, random.nextInt(6) == 0 ? ByteMutation.mutated(bytes, random) : bytes);
        return random.nextInt(100) > 0
                ? new Attempt.Call("Inputs.corpus " + file, () -> {
                    try (Checkpoint opened = Checkpoint.open(checkpoint)) {
                        Inputs.corpus(file, DataOptions.DEFAULT, opened, Families.of(opened));
                    }
                })
                : Attempt.Commands.of(FuzzFiles.evaluate(checkpoint, file));
    }
}
