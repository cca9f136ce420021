package io.github.steelyard.testing;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// What transformers computed on a tiny checkpoint of `golden/families`, whose weights are generated: as
/// `scripts/golden/families.py` does, each value from the seed, the tensor's name and its index.
///
/// @param prompts token ids of each prompt
/// @param logits logits of each prompt `(tokens, vocabulary)`, flattened
/// @param amax the largest input over all prompts of each linear layer, router and expert that a token reached
/// @param tokens the tokens that reached each
public record GeneratedCheckpoint(
        List<int[]> prompts, List<float[]> logits, Map<String, Double> amax, Map<String, Long> tokens) {

    private static final Path FOLDER = Path.of("src/test/resources/golden/families");

    /// Returns the names of all.
    public static List<String> names() {
        try (var folders = Files.list(FOLDER)) {
            return folders.map(folder -> folder.getFileName().toString())
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Returns the file of its config.
    public static Path config(String name) {
        return FOLDER.resolve(name).resolve("config.json");
    }

    /// Writes the checkpoint to a directory.
    ///
    /// @return the directory
    public static Path write(String name, Path directory) {
        JsonNode reference = Json.read(FOLDER.resolve(name).resolve("reference.json"));
        long seed = reference.get("seed").longValue();
        TinySafetensors file = new TinySafetensors().metadata("format", "pt");
        reference.get("tensors").properties().forEach(tensor -> {
            long[] shape = new long[tensor.getValue().get(0).size()];
            long count = 1;
            for (int i = 0; i < shape.length; i++) {
                shape[i] = tensor.getValue().get(0).get(i).longValue();
                count *= shape[i];
            }
            float middle = tensor.getValue().get(1).floatValue();
            float spread = tensor.getValue().get(2).floatValue();
            file.bf16(tensor.getKey(), shape, values(seed, tensor.getKey(), (int) count, middle, spread));
        });
        try {
            Files.createDirectories(directory);
            file.write(directory.resolve("model.safetensors"));
            Files.copy(config(name), directory.resolve("config.json"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return directory;
    }

    private static float[] values(long seed, String name, int count, float middle, float spread) {
        long hash = 0xCBF29CE484222325L;
        for (byte b : (seed + "/" + name).getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ (b & 0xFF)) * 0x100000001B3L;
        }
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            long z = hash + (i + 1) * 0x9E3779B97F4A7C15L;
            z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
            z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
            z ^= z >>> 31;
            float unit = (z >>> 40) * 0x1p-23f - 1;
            values[i] = middle + spread * unit;
        }
        return values;
    }

    /// Reads what was computed.
    public static GeneratedCheckpoint read(String name) {
        JsonNode reference = Json.read(FOLDER.resolve(name).resolve("reference.json"));
        List<int[]> prompts = new ArrayList<>();
        reference.get("prompts").forEach(ids -> {
            int[] prompt = new int[ids.size()];
            for (int i = 0; i < prompt.length; i++) {
                prompt[i] = ids.get(i).intValue();
            }
            prompts.add(prompt);
        });
        List<float[]> logits = new ArrayList<>();
        reference.get("logits").forEach(text -> {
            ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(text.textValue()))
                    .order(ByteOrder.LITTLE_ENDIAN);
            float[] values = new float[bytes.remaining() / Float.BYTES];
            bytes.asFloatBuffer().get(values);
            logits.add(values);
        });
        Map<String, Double> amax = new TreeMap<>();
        reference
                .get("amax")
                .properties()
                .forEach(e -> amax.put(e.getKey(), e.getValue().doubleValue()));
        Map<String, Long> tokens = new TreeMap<>();
        reference
                .get("tokens")
                .properties()
                .forEach(e -> tokens.put(e.getKey(), e.getValue().longValue()));
        return new GeneratedCheckpoint(prompts, logits, amax, tokens);
    }
}
