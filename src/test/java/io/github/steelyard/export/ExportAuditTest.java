package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.audit.Auditor;
import io.github.steelyard.audit.Expectation;
import io.github.steelyard.audit.Verification;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.Finding;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The audit of what is to be served, on sound checkpoints of several writers, and on one that is broken in one place
/// at a time.
final class ExportAuditTest {

    private static final String DOWN = "model.layers.0.mlp.experts.3.down_proj";
    private static final String UP = "model.layers.0.mlp.experts.3.up_proj";

    @TempDir
    private Path temp;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "conformance/golden/modelopt/fp8_default-kv_fp8.bfloat16/ckpt",
                "conformance/golden/modelopt/mixed-experts_nvfp4-attn_fp8-kv_fp8.float32/ckpt",
                "conformance/golden/modelopt/nvfp4_experts_only-kv_fp8.float32/ckpt",
                "conformance/golden/modelopt-families/glm4_moe.fp8_default-kv_fp8/ckpt",
                "conformance/golden/modelopt-families/glm4_moe.nvfp4_experts_only-kv_fp8/ckpt",
                "conformance/golden/modelopt-families/gpt_oss.fp8_default-kv_fp8/ckpt",
                "conformance/golden/modelopt-families/gpt_oss.nvfp4_experts_only-kv_fp8/ckpt",
                "conformance/golden/modelopt-families/qwen3_moe.fp8_default-kv_fp8/ckpt",
                "conformance/golden/modelopt-families/qwen3_moe.nvfp4_experts_only-kv_fp8/ckpt",
                "conformance/golden/llmcompressor/NVFP4.float32/ckpt",
                "conformance/golden/llmcompressor/FP8_BLOCK.bfloat16/ckpt",
                "conformance/golden/llmcompressor/mixed-experts_nvfp4-attn_fp8-kv_fp8.float32/ckpt",
                "conformance/architectures/deepseek_v3/fp8_block",
                "conformance/architectures/gpt_oss/mxfp4",
                "models/tiny-qwen3-moe-nvfp4",
                "models/tiny-qwen3-moe-mixed",
                "models/tiny-qwen3-moe-fp8-block",
            })
    void audit_soundCheckpoint_hasNoErrors(String path) {
        assertThat(audit(Shared.path(path)).findings())
                .filteredOn(Finding::isError)
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"models/tiny-qwen3-moe-bf16", "models/tiny-qwen3-moe-bf16-sharded"})
    void audit_checkpointOfPlainValues_hasNothingToVerify(String path) {
        assertThat(errors(Shared.path(path))).containsExactly("nothing-quantised " + Shared.path(path));
    }

    @Test
    void audit_everyInputScaleOne_isOneWarning_andAnErrorIfStrict() throws IOException {
        Path broken = export(tensor -> tensor.name().endsWith(".input_scale") ? tensor.with(1f) : tensor);

        Verification verification = audit(broken);

        assertThat(verification.ok()).isTrue();
        assertThat(verification.findings())
                .filteredOn(finding -> finding.code().equals("scale-default"))
                .singleElement()
                .satisfies(finding -> assertThat(finding.message())
                        .contains(" scale 1.0 looks like a default ")
                        .contains(" (192): "));
        assertThat(verification.strict().ok()).isFalse();
    }

    // A peer writes every exclusion of this family with a NUL and an internal name behind it; none matches a module, so
    // a server takes the head, the gates and the Mamba projections for quantised.
    @ParameterizedTest
    @ValueSource(strings = {"nemotron_h.fp8_default-kv_fp8", "nemotron_h.nvfp4_experts_only-kv_fp8"})
    void audit_excludeListThatMatchesNothing_isFound(String run) {
        Verification verification = audit(Shared.path("conformance/golden/modelopt-families/" + run + "/ckpt"));

        assertThat(verification.ok()).isFalse();
        assertThat(verification.findings())
                .anyMatch(finding -> finding.code().equals("pattern-corrupt")
                        && finding.subject().equals("lm_head.\\u0000backbone.pt_name_sentinel"));
    }

    // What a peer writes for experts without tokens: the memory as it was.
    @ParameterizedTest
    @ValueSource(floats = {2.5e-21f, -2.2e13f, -9.3e36f, 0f, Float.NaN, Float.POSITIVE_INFINITY, 1.4e-45f, 3e30f})
    void audit_uninitialisedScale_isFound(float garbage) throws IOException {
        Path broken = export(tensor -> tensor.name().equals(DOWN + ".input_scale") ? tensor.with(garbage) : tensor);

        boolean number = garbage > 0 && garbage < 1e36f;
        assertThat(errors(broken))
                .containsExactly((number ? "scale-implausible " : "scale-invalid ") + DOWN + ".input_scale");
    }

    @Test
    void audit_defaultScale_isSuspicious() throws IOException {
        Path broken = export(tensor -> tensor.name().equals(DOWN + ".input_scale") ? tensor.with(1f) : tensor);

        Verification verification = audit(broken);

        assertThat(verification.ok()).isTrue();
        assertThat(verification.findings())
                .anyMatch(finding -> finding.code().equals("scale-default")
                        && finding.subject().equals(DOWN + ".input_scale")
                        && finding.message().contains("looks like a default (amax 2688), not like a measurement"));
    }

    @Test
    void audit_scaleFarFromTheOtherExperts_isSuspicious() throws IOException {
        Path broken = export(tensor -> tensor.name().equals(DOWN + ".input_scale") ? tensor.with(1e4f) : tensor);

        assertThat(audit(broken).findings())
                .anyMatch(finding -> finding.code().equals("scale-outlier")
                        && finding.subject().equals(DOWN + ".input_scale"));
    }

    @Test
    void audit_missingInputScale_isFound() throws IOException {
        Path broken = export(tensor -> tensor.name().equals(DOWN + ".input_scale") ? tensor.dropped() : tensor);

        assertThat(errors(broken)).containsExactly("input-scale-missing " + DOWN + ".input_scale");
    }

    @Test
    void audit_missingWeightScale_isFound() throws IOException {
        Path broken = export(tensor -> tensor.name().equals(DOWN + ".weight_scale") ? tensor.dropped() : tensor);

        assertThat(errors(broken)).containsExactly("scale-missing " + DOWN + ".weight_scale");
    }

    @Test
    void audit_gateAndUpWithDifferentGlobalScales_isFound() throws IOException {
        Path broken = export(tensor -> tensor.name().equals(UP + ".weight_scale_2") ? tensor.with(0.01f) : tensor);

        assertThat(errors(broken)).containsExactly("group-scales-differ " + UP);
    }

    @Test
    void audit_cacheScaleThatWasPromised_isMissed() throws IOException {
        Path broken = export(
                tensor -> tensor.name().endsWith("layers.2.self_attn.v_proj.v_scale") ? tensor.dropped() : tensor);

        assertThat(errors(broken)).containsExactly("cache-scale-missing model.layers.2.self_attn.v_proj.v_scale");
    }

    @Test
    void audit_blockScaleThatIsNoNumber_isFound() throws IOException {
        Path broken =
                export(tensor -> tensor.name().equals(DOWN + ".weight_scale") ? tensor.with((byte) 0x7f) : tensor);

        assertThat(errors(broken)).containsExactly("scale-invalid " + DOWN + ".weight_scale");
    }

    @Test
    void audit_scaleBesideAPlainWeight_isFound() throws IOException {
        Path broken = export(tensor -> tensor.name().equals(DOWN + ".input_scale")
                ? tensor.named("model.layers.0.self_attn.q_proj.input_scale")
                : tensor);

        assertThat(errors(broken))
                .contains(
                        "scale-orphan model.layers.0.self_attn.q_proj.input_scale",
                        "input-scale-missing " + DOWN + ".input_scale");
    }

    @Test
    void audit_layerThatIsListedAndNotThere_isFound() throws IOException {
        Path broken = export(tensor -> tensor);
        replace(broken, "\"lm_head\"", "\"lm_head\", \"model.layers.9.mlp.gate\"");

        assertThat(errors(broken)).containsExactly("pattern-unmatched model.layers.9.mlp.gate");
    }

    @Test
    void audit_plainModuleThatIsNotExcluded_isFound() throws IOException {
        Path broken = export(tensor -> tensor);
        replace(broken, "\"model.layers.3.self_attn*\"", "\"model.layers.3.mlp.gate\"");

        assertThat(errors(broken)).containsExactly("format-undeclared model.layers.3.self_attn.k_proj");
    }

    // A peer labels the halves of an interleaved gate and up projection the wrong way: the names are there, the
    // weights are others.
    @Test
    void audit_weightsUnderEachOthersNames_areFound() throws IOException {
        Path broken = export(tensor -> swapped(tensor, "experts.3.up_proj.", "experts.3.gate_proj."));

        try (Checkpoint source = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"))) {
            Verification verification =
                    audit(broken, Expectation.servable().madeFrom(ExportSource.of(source, Families.of(source))));

            assertThat(verification.findings().stream().filter(Finding::isError).map(Finding::subject))
                    .contains(UP, UP.replace("up_proj", "gate_proj"))
                    .allMatch(subject -> subject.contains("experts.3."));
        }
    }

    @Test
    void audit_plainTensorThatIsNotTheSources_isFound() throws IOException {
        Path broken = export(tensor -> tensor.name().equals("model.norm.weight") ? tensor.with((byte) 1) : tensor);

        try (Checkpoint source = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"))) {
            Verification verification =
                    audit(broken, Expectation.servable().madeFrom(ExportSource.of(source, Families.of(source))));

            assertThat(verification.findings().stream().filter(Finding::isError).map(Finding::code))
                    .containsExactly("tensor-differs");
        }
    }

    @Test
    void audit_fileThatIsCut_isAnErrorAndNoException() throws IOException {
        Path broken = export(tensor -> tensor);
        Path file = broken.resolve("model.safetensors");
        try (var channel = Files.newByteChannel(file, StandardOpenOption.WRITE)) {
            channel.truncate(Files.size(file) - 1);
        }

        Verification verification = audit(broken);

        assertThat(verification.ok()).isFalse();
        assertThat(verification.findings()).extracting(Finding::code).containsExactly("unreadable");
        assertThat(verification.formats()).isEmpty();
    }

    /// A tensor on its way into a broken export.
    private record Tensor(Planned plan, MemorySegment bytes, boolean kept) {
        String name() {
            return plan.name();
        }

        Tensor with(float value) {
            MemorySegment changed = MemorySegment.ofArray(bytes.toArray(ValueLayout.JAVA_BYTE));
            changed.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 0, value);
            return new Tensor(plan, changed, true);
        }

        Tensor with(byte value) {
            MemorySegment changed = MemorySegment.ofArray(bytes.toArray(ValueLayout.JAVA_BYTE));
            changed.set(ValueLayout.JAVA_BYTE, 0, value);
            return new Tensor(plan, changed, true);
        }

        Tensor named(String name) {
            return new Tensor(new Planned(name, plan.dtype(), plan.shape()), bytes, true);
        }

        Tensor dropped() {
            return new Tensor(plan, bytes, false);
        }
    }

    private static Tensor swapped(Tensor tensor, String one, String other) {
        return tensor.name().contains(one)
                ? tensor.named(tensor.name().replace(one, other))
                : tensor.named(tensor.name().replace(other, one));
    }

    /// Exports the tiny model and changes what `change` changes.
    private Path export(UnaryOperator<Tensor> change) throws IOException {
        Path sound = temp.resolve("sound");
        try (Checkpoint source = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"))) {
            Decoder decoder = Families.of(source);
            Plan plan = Exports.plan(
                    decoder,
                    Exports.recipe(
                            "*.experts.*weight_quantizer", Exports.NVFP4,
                            "*.experts.*input_quantizer", Exports.NVFP4,
                            "*[kv]_bmm_quantizer", Exports.FP8));
            ScaleTable scales = ScaleTable.resolve(Exports.statistics(source, decoder), plan);
            new CheckpointExporter(ExportSource.of(source, decoder), plan, scales, Exports.OPTIONS)
                    .export(sound, Map.of());
        }
        Path broken = Files.createDirectory(temp.resolve("broken"));
        for (String config : List.of("config.json", "hf_quant_config.json")) {
            Files.copy(sound.resolve(config), broken.resolve(config));
        }
        try (Checkpoint written = Checkpoint.open(sound)) {
            List<Planned> plan = new ArrayList<>();
            List<MemorySegment> bytes = new ArrayList<>();
            for (TensorInfo info : written.tensors().values()) {
                Tensor tensor = change.apply(
                        new Tensor(new Planned(info.name(), info.dtype(), info.shape()), written.bytes(info), true));
                if (tensor.kept()) {
                    plan.add(tensor.plan());
                    bytes.add(tensor.bytes());
                }
            }
            SafetensorsWriter.write(broken.resolve("model.safetensors"), plan, Map.of(), bytes);
        }
        return broken;
    }

    private static void replace(Path directory, String text, String other) throws IOException {
        for (String config : List.of("config.json", "hf_quant_config.json")) {
            String before = Files.readString(directory.resolve(config));
            assertThat(before).contains(text);
            Files.write(directory.resolve(config), before.replace(text, other).getBytes(StandardCharsets.UTF_8));
        }
    }

    private static Verification audit(Path directory) {
        return audit(directory, Expectation.servable());
    }

    private static Verification audit(Path directory, Expectation expectation) {
        return new Auditor(expectation, 2).audit(directory);
    }

    private static List<String> errors(Path directory) {
        return audit(directory).findings().stream()
                .filter(Finding::isError)
                .map(finding -> finding.code() + " " + finding.subject())
                .toList();
    }
}
