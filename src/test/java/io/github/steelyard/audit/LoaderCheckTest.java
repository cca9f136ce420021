package io.github.steelyard.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.dialect.Declaration.Input;
import io.github.steelyard.dialect.QuantizationConfig.Method;
import io.github.steelyard.files.Finding;
import io.github.steelyard.loader.LoadedPart;
import io.github.steelyard.loader.Loader;
import io.github.steelyard.loader.LoaderRule;
import io.github.steelyard.loader.Loaders;
import io.github.steelyard.loader.Trait;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Rules about servers' loaders on exports of the peers, and on configs that were changed to what is known to fail.
final class LoaderCheckTest {

    private static final String PEER = "conformance/golden/llmcompressor/";

    @TempDir
    private Path temp;

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            llmcompressor/NVFP4.float32/ckpt | vllm |
            llmcompressor/NVFP4A16.float32/ckpt | vllm |
            llmcompressor/NVFP4A16.float32/ckpt | sglang | server-refuses: has no scheme for NVFP4 weights with plain inputs
            llmcompressor/FP8-kv_fp8.float32/ckpt | sglang | server-ignores: does not read k_scale and v_scale
            llmcompressor/FP8-kv_fp8.float32/ckpt | tensorrt-llm | server-refuses: has no scheme for FP8 with one scale
            llmcompressor/FP8-kv_fp8.float32/ckpt | vllm | server-changes: requantises what it joins under the larger scale
            llmcompressor/FP8_DYNAMIC.float32/ckpt | tensorrt-llm |
            llmcompressor/FP8_BLOCK.bfloat16/ckpt | vllm | server-refuses: stops at the first token: it quantises inputs in groups of 128
            llmcompressor/MXFP4.float32/ckpt | sglang | server-refuses: has no scheme for MXFP4 outside of experts
            modelopt/fp8_default-kv_fp8.bfloat16/ckpt | vllm | server-changes: requantises what it joins under the larger scale
            modelopt-families/gpt_oss.nvfp4_experts_only-kv_fp8/ckpt | vllm | server-refuses: stops with KeyError 'w2_bias'
            modelopt/mixed-experts_nvfp4-attn_fp8-kv_fp8.float32/ckpt | tensorrt-llm |
            """)
    void exportsOfPeers_haveWhatIsKnown(String directory, String server, String expected) {
        List<Finding> findings = audit(Shared.path("conformance/golden/" + directory), server);

        if (expected == null) {
            assertThat(findings).isEmpty();
        } else {
            String[] words = expected.split(": ", -1);
            assertThat(findings)
                    .anyMatch(finding -> finding.code().equals(words[0])
                            && finding.message().contains(Loaders.find(server).label() + " " + words[1]));
        }
    }

    @Test
    void groups_withoutFormats_areRefusedByVllm() throws IOException {
        Path changed = changed(
                "mixed-experts_nvfp4-attn_fp8-kv_fp8.float32",
                config -> config.get("config_groups").forEach(group -> ((ObjectNode) group).remove("format")));

        assertThat(audit(changed, "vllm"))
                .extracting(Finding::message)
                .anyMatch(message -> message.contains("stops with NotImplementedError"));
    }

    @Test
    void aClassBesideExpressions_isMisreadBySglang() throws IOException {
        Path changed = changed(
                "mixed-experts_nvfp4-attn_fp8-kv_fp8.float32",
                config -> ((ObjectNode) config.get("config_groups").get("group_0"))
                        .putArray("targets")
                        .add("Linear"));

        assertThat(audit(changed, "sglang")).extracting(Finding::code).contains(FindingCode.SERVER_MISREADS.text());
        assertThat(audit(changed, "vllm"))
                .extracting(Finding::message)
                .noneMatch(message -> message.contains("asks for classes before"));
    }

    @ParameterizedTest
    @CsvSource({
        "re:.*, stops with ValueError: a target matches the embedding",
        "re:model\\.language_model\\..*_proj$, finds nothing by expressions that begin with a root"
    })
    void targets_thatVllmDoesNotTake_areRefused(String target, String says) throws IOException {
        Path changed = changed(
                "NVFP4.float32",
                config -> ((ObjectNode) config.get("config_groups").get("group_0"))
                        .putArray("targets")
                        .add(target));

        assertThat(audit(changed, "vllm")).extracting(Finding::message).anyMatch(message -> message.contains(says));
    }

    // SGLang wants every linear module spoken of; a router is one.
    @Test
    void aRouterThatIsNotIgnored_isRefusedBySglang() throws IOException {
        Path changed = changed(
                "mixed-experts_nvfp4-attn_fp8-kv_fp8.float32",
                config -> config.putArray("ignore").add("lm_head"));

        assertThat(audit(changed, "sglang"))
                .extracting(Finding::message)
                .anyMatch(message -> message.contains("stops with ValueError: a linear module that is neither")
                        && message.contains("model.layers.0.mlp.gate"));
    }

    @Test
    void rule_speaksOfWhatHasEverything_andNothingThatIsExcluded() {
        LoaderRule uniform = Loaders.find("sglang").rules().getLast();
        LoadedPart part = new LoadedPart(
                "m", LoadedPart.Kind.EXPERT, Method.MODELOPT, "NVFP4", Input.NONE, "qwen3_moe", Set.of());
        LoadedPart mixed = new LoadedPart(
                "m", LoadedPart.Kind.EXPERT, Method.MODELOPT, "NVFP4", Input.NONE, "qwen3_moe", Set.of(Trait.MIXED));

        assertThat(uniform.speaksOf(part)).isTrue();
        assertThat(uniform.speaksOf(mixed)).isFalse();
    }

    @Test
    void loaders_areFoundByNameAndDay() {
        assertThat(Loaders.bundled().stream().map(Loader::label))
                .containsExactly("sglang@2026-08", "tensorrt-llm@2026", "vllm@2026-08-17");
        assertThat(Loaders.find("vllm@2026-08-17")).isEqualTo(Loaders.find("vllm"));
        assertThatThrownBy(() -> Loaders.find("vllm@2020-01-01"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("expected one of [sglang@2026-08, tensorrt-llm@2026, vllm@2026-08-17]");
    }

    /// Returns what is said of the server alone.
    private static List<Finding> audit(Path directory, String server) {
        Loader loader = Loaders.find(server);
        return new Auditor(Expectation.servable().servedBy(List.of(loader)), 2)
                .audit(directory).findings().stream()
                        .filter(finding -> finding.message().contains(loader.label()))
                        .toList();
    }

    /// Returns a copy of an export of llm-compressor with another quantization config.
    private Path changed(String export, Consumer<ObjectNode> change) throws IOException {
        Path copy = Files.createDirectory(temp.resolve("changed"));
        try (Stream<Path> files = Files.list(Shared.path(PEER + export + "/ckpt"))) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        Path config = copy.resolve("config.json");
        config.toFile().setWritable(true);
        JsonMapper json = new JsonMapper();
        ObjectNode tree = (ObjectNode) json.readTree(config.toFile());
        change.accept((ObjectNode) tree.get("quantization_config"));
        Files.write(config, json.writeValueAsBytes(tree));
        return copy;
    }
}
