package io.github.steelyard.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.family.Families;
import io.github.steelyard.report.Inspection;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.TinySafetensors;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/// The sound files that targets begin with, made by the program itself from published configs made small.
///
/// @param root an empty directory, in memory if there is such
record FuzzFiles(Path root) {

    /// The formats that `synthesize` writes.
    static final List<String> FORMATS = List.of("bf16", "fp8", "fp8_block", "nvfp4", "mixed", "w4a16", "mxfp4");

    static final String RECIPE = "configs/recipes/nvfp4-experts_fp8-rest_kv-fp8.yaml";

    private static final Path CONFIGS = Path.of("src/test/resources/configs");

    private static final Map<String, Object> SMALL = Map.ofEntries(
            Map.entry("hidden_size", 32),
            Map.entry("intermediate_size", 32),
            Map.entry("moe_intermediate_size", 32),
            Map.entry("intermediate_size_mlp", 32),
            Map.entry("moe_shared_expert_intermediate_size", 32),
            Map.entry("shared_expert_intermediate_size", 32),
            Map.entry("moe_latent_size", 32),
            Map.entry("num_hidden_layers", 2),
            Map.entry("first_k_dense_replace", 1),
            Map.entry("num_experts", 4),
            Map.entry("num_local_experts", 4),
            Map.entry("n_routed_experts", 4),
            Map.entry("num_experts_per_tok", 1),
            Map.entry("moe_topk", 1),
            Map.entry("rotary_dim", 8),
            Map.entry("n_group", 1),
            Map.entry("topk_group", 1),
            Map.entry("num_attention_heads", 2),
            Map.entry("num_key_value_heads", 1),
            Map.entry("head_dim", 16),
            Map.entry("vocab_size", 64),
            Map.entry("q_lora_rank", 16),
            Map.entry("kv_lora_rank", 16),
            Map.entry("qk_nope_head_dim", 8),
            Map.entry("qk_rope_head_dim", 8),
            Map.entry("v_head_dim", 8),
            Map.entry("hybrid_override_pattern", "ME*E"),
            Map.entry("mamba_num_heads", 2),
            Map.entry("mamba_head_dim", 8),
            Map.entry("ssm_state_size", 8),
            Map.entry("n_groups", 1),
            Map.entry("linear_num_key_heads", 1),
            Map.entry("linear_num_value_heads", 2),
            Map.entry("linear_key_head_dim", 8),
            Map.entry("linear_value_head_dim", 8));

    /// Writes a checkpoint of each family that is published, with small extents, in `format` where there is such.
    List<Path> families(String format) throws IOException {
        List<Path> made = new ArrayList<>();
        try (Stream<Path> files = Files.list(CONFIGS)) {
            for (Path file : files.sorted().toList()) {
                // Our reader takes Infinity, the one of tests does not.
                ObjectNode config =
                        (ObjectNode) Json.parse(Files.readString(file).replace("Infinity", "1e30"));
                shrink(config);
                Path directory = root.resolve("family-" + format + "-" + made.size());
                synthesize(config, format, directory).expect(ExitCode.OK);
                made.add(directory);
            }
        }
        return made;
    }

    /// Writes a Qwen3-MoE checkpoint of one layer and four experts in this format.
    Path checkpoint(String format) throws IOException {
        ObjectNode config = (ObjectNode) Json.read(CONFIGS.resolve("qwen3-30b-a3b.json"));
        shrink(config);
        config.put("num_hidden_layers", 1);
        Path directory = root.resolve("checkpoint-" + format);
        if (!Files.exists(directory)) {
            synthesize(config, format, directory).expect(ExitCode.OK);
        }
        return directory;
    }

    /// Writes token ids that every small model knows.
    Path tokens() throws IOException {
        return Files.writeString(root.resolve("ids.jsonl"), "{\"input_ids\":[1,2,3,4]}\n{\"input_ids\":[5,6,7]}\n");
    }

    /// Returns a directory with copies of the files of another.
    Path copy(Path directory, String name) throws IOException {
        Path target = root.resolve(name);
        clear(target);
        return HostileCase.copyTree(directory, target);
    }

    /// Deletes a directory with all that is in it.
    static void clear(Path directory) throws IOException {
        if (Files.exists(directory)) {
            try (Stream<Path> files = Files.walk(directory)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    /// Writes text of which not all need be Unicode.
    static void write(Path file, String text) throws IOException {
        Files.write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    /// Returns the header of a safetensors file.
    static JsonNode header(byte[] file) {
        return Json.parse(new String(file, Long.BYTES, headerLength(file), StandardCharsets.UTF_8));
    }

    /// Returns the file with another header in place of its own.
    static byte[] withHeader(byte[] file, String header) {
        byte[] data = Arrays.copyOfRange(file, Long.BYTES + headerLength(file), file.length);
        return TinySafetensors.file(header, data);
    }

    static int headerLength(byte[] file) {
        return Math.toIntExact(
                ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong());
    }

    /// Reads a checkpoint, by one of the commands that only do that or as they all begin.
    static Attempt reading(Path directory, Path tokens, Random random) {
        return switch (random.nextInt(600)) {
            case 0 -> Attempt.Commands.of("inspect", directory);
            case 1 -> Attempt.Commands.of("inspect", directory, "--check", "--json");
            case 2 -> Attempt.Commands.of("plan", directory, "--gflops", 1);
            case 3 -> Attempt.Commands.of("verify", directory);
            case 4 -> Attempt.Commands.of(evaluate(directory, tokens));
            case 5 -> Attempt.Commands.of(fakeQuantised(directory, tokens));
            case 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 ->
                new Attempt.Call("Inspection.check " + directory, () -> Inspection.check(directory, 1));
            default ->
                new Attempt.Call("Families.of " + directory, () -> {
                    try (Checkpoint opened = Checkpoint.open(directory)) {
                        Families.of(opened).modules();
                    }
                });
        };
    }

    static Object[] evaluate(Path checkpoint, Path tokens) {
        return new Object[] {"evaluate", checkpoint, "--data", tokens, "--threads", 1, "--gemm", "vector"};
    }

    static Object[] fakeQuantised(Path checkpoint, Path tokens) {
        return new Object[] {
            "evaluate", checkpoint, "--data", tokens, "--threads", 1, "--gemm", "vector", "--fake-quant"
        };
    }

    static Object[] calibrate(Path checkpoint, Object recipe, Path tokens, Path run) {
        return new Object[] {
            "calibrate",
            checkpoint,
            "--recipe",
            recipe,
            "--data",
            tokens,
            "--out",
            run,
            "--threads",
            1,
            "--gemm",
            "vector"
        };
    }

    static Object[] export(Path run, Path out) {
        return new Object[] {"export", run, "--out", out, "--threads", 1};
    }

    private CommandRun synthesize(ObjectNode config, String format, Path directory) throws IOException {
        Path file = Files.writeString(root.resolve("config.json"), config.toString());
        return CommandRun.of("synthesize", file, "--format", format, "--seed", 1, "--out", directory);
    }

    private static void shrink(JsonNode node) {
        if (node instanceof ObjectNode object) {
            SMALL.forEach((key, value) -> {
                if (object.hasNonNull(key)) {
                    object.putPOJO(key, value);
                }
            });
            object.remove("layer_types");
            if (object.has("kv_lora_rank")) {
                object.put("num_key_value_heads", 2);
            }
            if (object.has("hybrid_override_pattern")) {
                object.put("num_hidden_layers", 4);
            }
        }
        node.forEach(FuzzFiles::shrink);
    }
}
