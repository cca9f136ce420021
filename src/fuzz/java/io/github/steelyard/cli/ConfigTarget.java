package io.github.steelyard.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.testing.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// `config.json` of every family, with the tensors that its sound form has.
final class ConfigTarget implements FuzzTarget {

    private final List<Path> checkpoints;
    private final List<JsonNode> configs = new ArrayList<>();
    private final Path tokens;
    private final JsonMutation mutation;

    ConfigTarget(FuzzFiles files) throws IOException {
        this.checkpoints = files.families("bf16");
        this.tokens = files.tokens();
        checkpoints.forEach(checkpoint -> configs.add(Json.read(checkpoint.resolve("config.json"))));
        this.mutation = new JsonMutation(configs);
    }

    @Override
    public String name() {
        return "config";
    }

    @Override
    public Attempt next(Random random) throws IOException {
        int chosen = random.nextInt(configs.size());
        Path checkpoint = checkpoints.get(chosen);
        JsonNode config = configs.get(chosen);
        byte[] changed = random.nextInt(12) == 0
                ? ByteMutation.mutated(config.toString().getBytes(StandardCharsets.UTF_8), random)
                : mutation.mutated(config, random).getBytes(StandardCharsets.UTF_8);
        Files.write(checkpoint.resolve("config.json"), changed);
        return FuzzFiles.reading(checkpoint, tokens, random);
    }
}
