package io.github.steelyard.report;

import io.github.steelyard.testing.TinySafetensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A small Qwen3-MoE checkpoint (hidden 32, one layer, two experts of 16) that a test damages before it is written.
final class TinyCheckpoint {

    static final String EXPERT = "model.layers.0.mlp.experts.1.";

    private static final String CONFIG = """
            {"model_type": "qwen3_moe", "hidden_size": 32, "intermediate_size": 64, "moe_intermediate_size": 16,
             "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "num_hidden_layers": 1,
             "num_experts": 2, "num_experts_per_tok": 1, "norm_topk_prob": true, "vocab_size": 12,
             "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false}""";
    private static final int BF16_ONE = 0x3f80;
    private static final int E4M3_ONE = 0x38;

    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private String config = CONFIG;
    private String quantization = "";

    /// One tensor as it is written.
    record Tensor(String dtype, List<Long> shape, ByteBuffer bytes) {}

    private TinyCheckpoint() {
        bf16("lm_head.weight", 12, 32);
        bf16("model.embed_tokens.weight", 12, 32);
        bf16("model.norm.weight", 32);
        String layer = "model.layers.0.";
        bf16(layer + "input_layernorm.weight", 32);
        bf16(layer + "post_attention_layernorm.weight", 32);
        bf16(layer + "self_attn.q_norm.weight", 8);
        bf16(layer + "self_attn.k_norm.weight", 8);
        bf16(layer + "self_attn.q_proj.weight", 16, 32);
        bf16(layer + "self_attn.k_proj.weight", 8, 32);
        bf16(layer + "self_attn.v_proj.weight", 8, 32);
        bf16(layer + "self_attn.o_proj.weight", 32, 16);
        bf16(layer + "mlp.gate.weight", 2, 32);
    }

    static TinyCheckpoint bf16() {
        TinyCheckpoint tiny = new TinyCheckpoint();
        tiny.experts((name, rows, columns) -> tiny.bf16(name + ".weight", rows, columns));
        return tiny;
    }

    static TinyCheckpoint nvfp4() {
        TinyCheckpoint tiny = new TinyCheckpoint();
        tiny.quantization = """
                {"producer": {"name": "modelopt", "version": "0"}, "quantization": {"quant_algo": "NVFP4",
                 "group_size": 16, "exclude_modules": ["lm_head", "model.layers.0.mlp.gate",
                 "model.layers.0.self_attn*"]}}""";
        tiny.experts((name, rows, columns) -> {
            tiny.bytes(name + ".weight", "U8", 0x22, rows, columns / 2);
            tiny.bytes(name + ".weight_scale", "F8_E4M3", E4M3_ONE, rows, columns / 16);
            tiny.f32(name + ".weight_scale_2", 0.25f);
            tiny.f32(name + ".input_scale", 0.5f);
        });
        return tiny;
    }

    static TinyCheckpoint fp8() {
        TinyCheckpoint tiny = new TinyCheckpoint();
        tiny.quantization = """
                {"quantization": {"quant_algo": "FP8", "exclude_modules": ["lm_head", "model.layers.0.mlp.gate",
                 "model.layers.0.self_attn*"]}}""";
        tiny.experts((name, rows, columns) -> {
            tiny.bytes(name + ".weight", "F8_E4M3", E4M3_ONE, rows, columns);
            tiny.f32(name + ".weight_scale", 0.25f);
            tiny.f32(name + ".input_scale", 0.5f);
        });
        return tiny;
    }

    static TinyCheckpoint fp8Block() {
        TinyCheckpoint tiny = new TinyCheckpoint();
        tiny.replaceInConfig("\"model_type\"", """
                "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128],
                 "modules_to_not_convert": ["model.layers.0.mlp.gate", "self_attn"]}, "model_type\"""");
        tiny.experts((name, rows, columns) -> {
            tiny.bytes(name + ".weight", "F8_E4M3", E4M3_ONE, rows, columns);
            tiny.tensor(name + ".weight_scale_inv", "F32", new long[] {1, 1}, floats(0.25f));
        });
        return tiny;
    }

    /// Adds the tensors of one linear module.
    private interface Module {
        void add(String name, long rows, long columns);
    }

    private void experts(Module module) {
        for (int expert = 0; expert < 2; expert++) {
            String prefix = "model.layers.0.mlp.experts.%d.".formatted(expert);
            module.add(prefix + "gate_proj", 16, 32);
            module.add(prefix + "up_proj", 16, 32);
            module.add(prefix + "down_proj", 32, 16);
        }
    }

    TinyCheckpoint bf16(String name, long... shape) {
        byte[] bytes = new byte[elements(shape) * 2];
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining()) {
            buffer.putShort((short) BF16_ONE);
        }
        return tensor(name, "BF16", shape, bytes);
    }

    TinyCheckpoint bytes(String name, String dtype, int value, long... shape) {
        byte[] bytes = new byte[elements(shape)];
        Arrays.fill(bytes, (byte) value);
        return tensor(name, dtype, shape, bytes);
    }

    TinyCheckpoint f32(String name, float value) {
        return tensor(name, "F32", new long[] {}, floats(value));
    }

    TinyCheckpoint tensor(String name, String dtype, long[] shape, byte[] bytes) {
        tensors.put(name, new Tensor(dtype, Arrays.stream(shape).boxed().toList(), ByteBuffer.wrap(bytes)));
        return this;
    }

    TinyCheckpoint remove(String name) {
        if (tensors.remove(name) == null) {
            throw new AssertionError("no tensor " + name);
        }
        return this;
    }

    /// Sets one byte of a tensor.
    TinyCheckpoint poke(String name, int at, int value) {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new AssertionError("no tensor " + name);
        }
        tensor.bytes().put(at, (byte) value);
        return this;
    }

    TinyCheckpoint replaceInConfig(String from, String to) {
        config = replaced(config, from, to);
        return this;
    }

    TinyCheckpoint replaceInQuantization(String from, String to) {
        quantization = replaced(quantization, from, to);
        return this;
    }

    private static String replaced(String text, String from, String to) {
        if (!text.contains(from)) {
            throw new AssertionError("'%s' is not in %s".formatted(from, text));
        }
        return text.replace(from, to);
    }

    TinyCheckpoint quantization(String json) {
        quantization = json;
        return this;
    }

    Path write(Path directory) {
        TinySafetensors file = new TinySafetensors().metadata("format", "pt");
        tensors.forEach((name, tensor) -> file.tensor(
                name,
                tensor.dtype(),
                tensor.shape().stream().mapToLong(Long::longValue).toArray(),
                tensor.bytes().array()));
        file.write(directory.resolve("model.safetensors"));
        try {
            Files.writeString(directory.resolve("config.json"), config);
            Path separate = directory.resolve("hf_quant_config.json");
            Files.deleteIfExists(separate);
            if (!quantization.isEmpty()) {
                Files.writeString(separate, quantization);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return directory;
    }

    static byte[] floats(float... values) {
        byte[] bytes = new byte[values.length * Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
        return bytes;
    }

    private static int elements(long... shape) {
        return Math.toIntExact(Arrays.stream(shape).reduce(1, (a, b) -> a * b));
    }
}
