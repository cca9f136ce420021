package io.github.steelyard.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.job.DataFiles;
import io.github.steelyard.testing.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/// Calibration data: lines of JSON with token ids or texts, and plain text.
final class DataTarget implements FuzzTarget {

    // Each text starts a process for its tokenizer, so texts are rare.
    private static final int TEXTS = 500;

    private static final List<JsonNode> IDS = List.of(
            Json.parse("{\"input_ids\":[1,2,3,4,5,6,7,8]}"),
            Json.parse("{\"input_ids\":[63,62],\"attention_mask\":[1,1],\"labels\":[-100,62]}"),
            Json.parse("{\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}"),
            Json.parse("{\"instruction\":\"Say\",\"input\":\"\",\"output\":\"Hi\"}"));
    private static final List<JsonNode> TEXT =
            List.of(Json.parse("{\"text\":\"The quick brown fox\",\"meta\":{\"source\":\"x\"}}"));

    private final Path checkpoint;
    private final Path directory;
    private final JsonMutation ids = new JsonMutation(IDS);
    private final JsonMutation text = new JsonMutation(TEXT);

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
        boolean texts = random.nextInt(TEXTS) == 0;
        Path file = directory.resolve(texts && random.nextInt(4) == 0 ? "data.txt" : "data.jsonl");
        StringBuilder lines = new StringBuilder();
        for (int count = 1 + random.nextInt(3); count > 0; count--) {
            List<JsonNode> seeds = texts && random.nextBoolean() ? TEXT : IDS;
            JsonMutation mutation = seeds.equals(TEXT) ? text : ids;
            lines.append(
                            random.nextInt(3) == 0
                                    ? HostileValues.pick(seeds, random).toString()
                                    : mutation.mutated(random))
                    .append(random.nextInt(20) == 0 ? "\r" : "\n");
        }
        byte[] bytes = lines.toString().getBytes(StandardCharsets.UTF_8);
        Files.write(file, random.nextInt(6) == 0 ? ByteMutation.mutated(bytes, random) : bytes);
        return random.nextInt(100) > 0
                ? new Attempt.Call("Inputs.corpus " + file, () -> DataFiles.read(file, checkpoint))
                : Attempt.Commands.of(FuzzFiles.evaluate(checkpoint, file));
    }
}
