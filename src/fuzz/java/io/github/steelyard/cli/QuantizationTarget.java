package io.github.steelyard.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.testing.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// What checkpoints say of their quantization, in `config.json` and in `hf_quant_config.json`.
final class QuantizationTarget implements FuzzTarget {

    private static final String QUANTIZATION = "quantization_config";
    private static final String SEPARATE = "hf_quant_config.json";

    private final List<Path> checkpoints = new ArrayList<>();
    private final List<ObjectNode> configs = new ArrayList<>();
    private final Path tokens;
    private final List<JsonNode> declarations;
    private final JsonMutation mutation;

    QuantizationTarget(FuzzFiles files) throws IOException {
        this.tokens = files.tokens();
        this.declarations = new ArrayList<>();
        Json.read(Path.of("src/fuzz/resources/quantization-configs.json")).forEach(declarations::add);
        for (String format : FuzzFiles.FORMATS) {
            Path checkpoint = files.copy(files.checkpoint(format), "quantization-" + format);
            checkpoints.add(checkpoint);
            ObjectNode config = (ObjectNode) Json.read(checkpoint.resolve("config.json"));
            configs.add(config);
            if (config.has(QUANTIZATION)) {
                declarations.add(config.get(QUANTIZATION));
            }
            if (Files.exists(checkpoint.resolve(SEPARATE))) {
                declarations.add(Json.read(checkpoint.resolve(SEPARATE)));
            }
        }
        this.mutation = new JsonMutation(declarations);
    }

    @Override
    public String name() {
        return "quantization";
    }

    @Override
    public Attempt next(Random random) throws IOException {
        int chosen = random.nextInt(configs.size());
        Path checkpoint = checkpoints.get(chosen);
        ObjectNode config = configs.get(chosen).deepCopy();
        config.remove(QUANTIZATION);
        Files.deleteIfExists(checkpoint.resolve(SEPARATE));
        int where = random.nextInt(8);
        if (where > 1) {
            String text = config.toString();
            FuzzFiles.write(
                    checkpoint.resolve("config.json"),
                    text.substring(0, text.length() - 1) + ",\"" + QUANTIZATION + "\":" + mutation.mutated(random)
                            + "}");
        } else {
            Files.writeString(checkpoint.resolve("config.json"), config.toString());
        }
        if (where < 3) {
            FuzzFiles.write(checkpoint.resolve(SEPARATE), mutation.mutated(random));
        }
        return FuzzFiles.reading(checkpoint, tokens, random);
    }
}
