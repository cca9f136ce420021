package io.github.steelyard.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/// Indices of checkpoints in several files, and files that are there or are not.
final class IndexTarget implements FuzzTarget {

    private final Path checkpoint;
    private final Path tokens;
    private final Path index;
    private final byte[] sound;
    private final JsonMutation mutation;
    private final JsonNode tree;

    IndexTarget(FuzzFiles files) throws IOException {
        this.checkpoint = files.root().resolve("index");
        this.tokens = files.tokens();
        CommandRun.of(
                        "synthesize",
                        files.checkpoint("bf16").resolve("config.json"),
                        "--shard-size",
                        "8K",
                        "--seed",
                        1,
                        "--out",
                        checkpoint)
                .expect(ExitCode.OK);
        this.index = checkpoint.resolve("model.safetensors.index.json");
        this.sound = Files.readAllBytes(index);
        this.tree = Json.read(index);
        this.mutation = new JsonMutation(List.of(tree));
    }

    @Override
    public String name() {
        return "index";
    }

    @Override
    public Attempt next(Random random) throws IOException {
        byte[] changed = random.nextInt(6) == 0
                ? ByteMutation.mutated(sound, random)
                : mutation.mutated(tree, random).getBytes(StandardCharsets.UTF_8);
        Files.write(index, changed);
        return FuzzFiles.reading(checkpoint, tokens, random);
    }
}
