package io.github.steelyard.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.testing.TinySafetensors;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/// Headers of safetensors files.
final class HeaderTarget implements FuzzTarget {

    private final Path checkpoint;
    private final Path tokens;
    private final byte[] sound;
    private final JsonNode header;
    private final JsonMutation mutation;

    HeaderTarget(FuzzFiles files) throws IOException {
        this.checkpoint = files.copy(files.checkpoint("nvfp4"), "header");
        this.tokens = files.tokens();
        this.sound = Files.readAllBytes(file());
        this.header = FuzzFiles.header(sound);
        this.mutation = new JsonMutation(List.of(header));
    }

    @Override
    public String name() {
        return "header";
    }

    @Override
    public Attempt next(Random random) throws IOException {
        Files.write(
                file(),
                switch (random.nextInt(8)) {
                    case 0 -> ByteMutation.mutated(sound, random);
                    case 1 -> otherLength(random);
                    case 2 ->
                        FuzzFiles.withHeader(
                                sound,
                                new String(
                                        ByteMutation.mutated(
                                                header.toString().getBytes(StandardCharsets.UTF_8), random),
                                        StandardCharsets.UTF_8));
                    default -> FuzzFiles.withHeader(sound, mutation.mutated(random));
                });
        return FuzzFiles.reading(checkpoint, tokens, random);
    }

    private byte[] otherLength(Random random) {
        byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
        long length = random.nextBoolean() ? random.nextLong() : text.length + random.nextInt(64) - 32;
        return TinySafetensors.file(length, text, new byte[random.nextInt(256)]);
    }

    private Path file() {
        return checkpoint.resolve("model.safetensors");
    }
}
