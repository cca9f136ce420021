package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.console.ExitCode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `diff` over the command line, on runs, exports and recipes of the tiny checkpoint.
final class DiffCommandTest {

    private static final String DOWN = "model.layers.1.mlp.experts.3.down_proj";

    @TempDir
    private Path temp;

    @Test
    void exports_ofOneRun_differWhereScalesDo() throws IOException {
        Path run = run("run", 4);
        Path own = export(run, "own");
        Path shared = export(run, "shared", "--sharing", "layer");

        assertThat(CommandRun.of("diff", own, own).expect(ExitCode.OK).out().lines())
                .last()
                .isEqualTo("equal");
        JsonNode found = diff(own, shared);
        assertThat(found.get("added")).isEmpty();
        assertThat(found.get("missing")).isEmpty();
        assertThat(found.get("configs")).isEmpty();
        assertThat(found.get("different"))
                .isNotEmpty()
                .allSatisfy(
                        tensor -> assertThat(tensor.get("tensor").textValue()).endsWith(".input_scale"));
        assertThat(found.get("modules")).hasSameSizeAs(found.get("different")).allSatisfy(module -> {
            assertThat(module.get("codes").intValue()).isEqualTo(96 * 128);
            assertThat(module.get("codes_changed").intValue()).isZero();
            assertThat(module.get("scales").intValue()).isEqualTo(96 * 128 / 16 + 2);
            assertThat(module.get("scales_changed").intValue()).isOne();
            assertThat(module.get("sqnr_db").isNull()).isTrue();
        });
    }

    @Test
    void codes_changedByHand_areCountedAndMeasured() throws IOException {
        Path run = run("run", 4);
        Path export = export(run, "export");
        Path changed = altered(export, DOWN + ".weight");

        JsonNode found = diff(export, changed, "--source", CommandRun.model("bf16"));
        assertThat(found.get("different")).hasSize(1);
        assertThat(found.get("different").get(0).get("changed").intValue()).isOne(); // a byte of two codes
        Map<String, JsonNode> modules = byName(found.get("modules"), "module");
        assertThat(modules).hasSize(4 * 16 * 3);
        JsonNode module = modules.get(DOWN);
        assertThat(module.get("codes_changed").intValue()).isEqualTo(2);
        assertThat(module.get("scales_changed").intValue()).isZero();
        assertThat(module.get("sqnr_db").doubleValue()).isBetween(10.0, 70.0);

        JsonNode verified = CommandRun.of("verify", changed, "--source", CommandRun.model("bf16"), "--json")
                .expect(ExitCode.OK)
                .json();
        Map<String, JsonNode> errors = byName(verified.get("weight_errors"), "module");
        assertThat(errors.keySet()).isEqualTo(modules.keySet());
        errors.forEach((name, error) -> assertThat(
                        modules.get(name).get("source_sqnr_db_b").doubleValue())
                .isCloseTo(error.get("sqnr_db").doubleValue(), within(1e-9)));
        assertThat(module.get("source_sqnr_db_a").doubleValue())
                .isNotEqualTo(module.get("source_sqnr_db_b").doubleValue());
    }

    @Test
    void layouts_ofTheSameNumbers_differInTensorsAlone() {
        Path run = temp.resolve("run");
        CommandRun.calibrate(run, CommandRun.recipe("fp8_kv-fp8"), "--max-sequences", 4)
                .expect(ExitCode.OK);
        JsonNode found =
                diff(export(run, "modelopt"), export(run, "compressed-tensors", "--format", "compressed-tensors"));
        assertThat(found.get("modules")).isEmpty();
        assertThat(found.get("configs")).isNotEmpty();
        assertThat(found.get("formats").get("FP8 tensor").intValue()).isEqualTo(4 * (4 + 48));

        JsonNode source = diff(CommandRun.model("bf16"), temp.resolve("modelopt"));
        assertThat(source.get("formats").get("BF16 -> FP8 tensor").intValue()).isEqualTo(4 * (4 + 48));
        assertThat(source.get("modules")).hasSize(4 * (4 + 48));
    }

    @Test
    void runs_onMoreText_differSiteBySite() {
        Path small = run("small", 4);
        Path large = run("large", 8);

        JsonNode found = diff(small, large);
        assertThat(byName(found.get("keys"), "key").keySet()).contains("tokens", "sequences");
        Map<String, JsonNode> ofSmall = stats(small);
        Map<String, JsonNode> ofLarge = stats(large);
        assertThat(found.get("different").size() + found.get("equal_sites").intValue())
                .isEqualTo(ofSmall.size());
        assertThat(found.get("different")).isNotEmpty().allSatisfy(change -> {
            String site = change.get("site").textValue();
            for (String key : List.of("amax", "tokens", "provenance", "scale_amax")) {
                assertThat(change.get("a").get(key).asText())
                        .isEqualTo(ofSmall.get(site).path(key).asText("null"));
                assertThat(change.get("b").get(key).asText())
                        .isEqualTo(ofLarge.get(site).path(key).asText("null"));
            }
            assertThat(change.get("amax_ratio").doubleValue()).isGreaterThanOrEqualTo(1);
        });
        CommandRun.of("diff", small, small).expect(ExitCode.OK);
    }

    @Test
    void recipes_onAModel_differInDecisions() {
        JsonNode found = diff("nvfp4-experts", "fp8_kv-fp8", "--checkpoint", CommandRun.model("bf16"));
        assertThat(found.get("keys")).isEmpty();
        JsonNode first = byName(found.get("different"), "site").get("model.layers.0.self_attn.q_proj.input_quantizer");
        assertThat(first.get("a").textValue()).isEqualTo("off");
        assertThat(first.get("b").textValue()).isEqualTo("num_bits: e4m3");
        assertThat(first.get("rule_b").textValue()).endsWith(": *input_quantizer");

        JsonNode set = diff("fp8-experts", "nvfp4-experts", "--checkpoint", CommandRun.model("bf16"));
        assertThat(set.get("different")).hasSize(4 * 16 * 3 * 2);
        CommandRun.of("diff", "nvfp4", "nvfp4", "--checkpoint", CommandRun.model("bf16"))
                .expect(ExitCode.OK);
    }

    @Test
    void mixtures_andOptionsWithoutEffect_areRefused() {
        Path model = CommandRun.model("bf16");
        assertThat(CommandRun.of("diff", model, "nvfp4").expect(ExitCode.USAGE).err())
                .isEqualTo(
                        "error: %s is a checkpoint and nvfp4 a recipe: only two of one kind can be compared%n", model);
        assertThat(CommandRun.of("diff", "nvfp4", "nvfp4")
                        .expect(ExitCode.USAGE)
                        .err())
                .isEqualTo("error: two recipes are compared on a model: give --checkpoint\n");
        assertThat(CommandRun.of("diff", "nvfp4", "nvfp4", "--source", model)
                        .expect(ExitCode.USAGE)
                        .err())
                .isEqualTo("error: --source: no effect on a recipe\n");
        assertThat(CommandRun.of("diff", model, model, "--checkpoint", model)
                        .expect(ExitCode.USAGE)
                        .err())
                .isEqualTo("error: --checkpoint: no effect on a checkpoint\n");
        assertThat(CommandRun.of("diff", temp.resolve("none"), "nvfp4", "--checkpoint", model)
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("not found");
    }

    private Path run(String name, int sequences) {
        Path run = temp.resolve(name);
        CommandRun.calibrate(run, CommandRun.recipe("nvfp4-experts"), "--max-sequences", sequences)
                .expect(ExitCode.OK);
        return run;
    }

    private Path export(Path run, String name, Object... options) {
        Path export = temp.resolve(name);
        List<Object> arguments = new ArrayList<>(List.of("export", run, "--out", export));
        arguments.addAll(List.of(options));
        CommandRun.of(arguments.toArray()).expect(ExitCode.OK);
        return export;
    }

    private static JsonNode diff(Object... arguments) {
        List<Object> all = new ArrayList<>(List.of("diff", "--json"));
        all.addAll(List.of(arguments));
        return CommandRun.of(all.toArray()).expect(ExitCode.GATE).json();
    }

    private static Map<String, JsonNode> stats(Path run) {
        return byName(
                CommandRun.of("stats", run, "--json").expect(ExitCode.OK).json().get("sites"), "site");
    }

    private static Map<String, JsonNode> byName(JsonNode list, String key) {
        Map<String, JsonNode> named = new TreeMap<>();
        list.forEach(item -> named.put(item.get(key).textValue(), item));
        return named;
    }

    /// Copies an export with both codes of the first byte of a tensor changed.
    private Path altered(Path export, String name) throws IOException {
        Path target = Files.createDirectories(temp.resolve("altered"));
        for (String file : List.of("config.json", "hf_quant_config.json", "tokenizer.json")) {
            Files.copy(export.resolve(file), target.resolve(file));
        }
        try (Checkpoint checkpoint = Checkpoint.open(export)) {
            List<Planned> plan = new ArrayList<>();
            List<MemorySegment> bytes = new ArrayList<>();
            for (TensorInfo info : checkpoint.tensors().values()) {
                byte[] copy = checkpoint.bytes(info).toArray(ValueLayout.JAVA_BYTE);
                if (info.name().equals(name)) {
                    copy[0] ^= 0x11;
                }
                plan.add(new Planned(info.name(), info.dtype(), info.shape()));
                bytes.add(MemorySegment.ofArray(copy));
            }
            SafetensorsWriter.write(target.resolve("model.safetensors"), plan, Map.of(), bytes);
        }
        return target;
    }
}
