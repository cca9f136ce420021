package io.github.steelyard.declare;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.dialect.ModuleFormat;
import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.files.PythonJson;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class DeclarationTest {

    private static final JsonMapper MAPPER = new JsonMapper();

    @Test
    void hfQuantConfig_mixed_listsLayersAndExcludesNothing() throws IOException {
        JsonNode expected = numericsCase("hfq.mixed").get("expected");
        LinkedHashMap<String, ModuleFormat> layers = new LinkedHashMap<>();
        layers.put("backbone.layers.0.mixer.in_proj", new ModuleFormat(QuantAlgo.FP8));
        layers.put("backbone.layers.1.mixer.experts.0.up_proj", new ModuleFormat(QuantAlgo.NVFP4));

        ModelOptDeclaration declaration =
                new ModelOptDeclaration(layers, List.of("lm_head"), Optional.empty(), "0.47.0");

        assertThat(declaration.hfQuantConfig().get("quantization")).isEqualTo(expected);
    }

    @Test
    void quantizationConfig_fp8_equalsTheReference() throws IOException {
        JsonNode wanted = numericsCase("cfgjson.fp8");
        ModelOptDeclaration declaration = uniform(QuantAlgo.FP8, Optional.of("FP8"), List.of("lm_head"));

        assertThat(declaration.hfQuantConfig()).isEqualTo(wanted.at("/input/hf_quant_config"));
        assertThat(declaration.quantizationConfig()).isEqualTo(wanted.get("expected"));
    }

    @Test
    void quantizationConfig_nvfp4_equalsTheReference() throws IOException {
        JsonNode wanted = numericsCase("cfgjson.nvfp4");
        ModelOptDeclaration declaration =
                uniform(QuantAlgo.NVFP4, Optional.empty(), List.of("lm_head", "model.layers.0.mlp.gate"));

        assertThat(declaration.hfQuantConfig()).isEqualTo(wanted.at("/input/hf_quant_config"));
        assertThat(declaration.quantizationConfig()).isEqualTo(wanted.get("expected"));
    }

    // The peer's own words for integers, from its run smoothquant-int8.
    @Test
    void quantizationConfig_integersOfOneByte_hasThePeersWords() throws IOException {
        String folder = "conformance/golden/calibrators/smoothquant-int8/ckpt/";
        String wanted = Files.readString(Shared.path(folder + "hf_quant_config.json"));
        JsonNode config = MAPPER.readTree(Shared.path(folder + "config.json").toFile());
        ModelOptDeclaration declaration = new ModelOptDeclaration(
                layers(QuantAlgo.W8A8_INT),
                strings(MAPPER.readTree(wanted).get("quantization").get("exclude_modules")),
                Optional.of("FP8"),
                "0.47.0.dev0");

        assertThat(new String(PythonJson.bytes(declaration.hfQuantConfig(), 4), StandardCharsets.UTF_8))
                .isEqualTo(wanted.stripTrailing());
        assertThat(declaration.quantizationConfig().toString())
                .isEqualTo(config.get("quantization_config").toString());
    }

    @Test
    void hfQuantConfig_integersInGroups_saysTheirSize() {
        LinkedHashMap<String, ModuleFormat> layers = new LinkedHashMap<>();
        layers.put("model.layers.0.self_attn.q_proj", new ModuleFormat(QuantAlgo.W4A16_INT, 64));
        ModelOptDeclaration declaration =
                new ModelOptDeclaration(layers, List.of("lm_head"), Optional.empty(), "0.47.0");

        assertThat(declaration.hfQuantConfig().get("quantization"))
                .hasToString("{\"quant_algo\":\"W4A16_AWQ\",\"kv_cache_quant_algo\":null,\"group_size\":64,"
                        + "\"has_zero_point\":false,\"pre_quant_scale\":true,\"exclude_modules\":[\"lm_head\"]}");
    }

    // The peer's own files, key order and layout included, apart from its version.
    @ParameterizedTest
    @ValueSource(strings = {"fp8_default-kv_fp8.bfloat16", "nvfp4_experts_only-kv_fp8.float32"})
    void hfQuantConfig_uniform_hasThePeersBytes(String run) throws IOException {
        String folder = "conformance/golden/modelopt/" + run + "/ckpt/";
        String wanted = Files.readString(Shared.path(folder + "hf_quant_config.json"));
        JsonNode config = MAPPER.readTree(Shared.path(folder + "config.json").toFile());
        JsonNode section = MAPPER.readTree(wanted).get("quantization");
        ModelOptDeclaration declaration = new ModelOptDeclaration(
                layers(QuantAlgo.valueOf(section.get("quant_algo").asText())),
                strings(section.get("exclude_modules")),
                Optional.of("FP8"),
                "0.47.0.dev0");

        assertThat(new String(PythonJson.bytes(declaration.hfQuantConfig(), 4), StandardCharsets.UTF_8))
                .isEqualTo(wanted.stripTrailing());
        assertThat(declaration.quantizationConfig().toString())
                .isEqualTo(config.get("quantization_config").toString());
    }

    @Test
    void quantizationConfig_mixed_hasThePeersGroups() throws IOException {
        String folder = "conformance/golden/modelopt/mixed-experts_nvfp4-attn_fp8-kv_fp8.float32/ckpt/";
        ObjectNode config = (ObjectNode)
                MAPPER.readTree(Shared.path(folder + "config.json").toFile()).get("quantization_config");
        LinkedHashMap<String, ModuleFormat> layers = new LinkedHashMap<>();
        config.get("quantized_layers")
                .properties()
                .forEach(entry -> layers.put(
                        entry.getKey(),
                        new ModuleFormat(QuantAlgo.valueOf(
                                entry.getValue().get("quant_algo").asText()))));

        ModelOptDeclaration declaration =
                new ModelOptDeclaration(layers, List.of("lm_head"), Optional.of("FP8"), "0.47.0.dev0");

        assertThat(declaration.quantizationConfig().toString()).isEqualTo(config.toString());
    }

    @Test
    void hfQuantConfig_onlyTheCache_saysSo() {
        ModelOptDeclaration declaration =
                new ModelOptDeclaration(new LinkedHashMap<>(), List.of("lm_head"), Optional.of("FP8"), "0.47.0");

        assertThat(declaration.hfQuantConfig().get("quantization"))
                .hasToString("{\"quant_algo\":null,\"kv_cache_quant_algo\":\"FP8\",\"quantized_layers\":{}}");
    }

    private static ModelOptDeclaration uniform(QuantAlgo format, Optional<String> kvCache, List<String> excluded) {
        return new ModelOptDeclaration(layers(format), excluded, kvCache, "0.47.0");
    }

    private static SequencedMap<String, ModuleFormat> layers(QuantAlgo format) {
        LinkedHashMap<String, ModuleFormat> layers = new LinkedHashMap<>();
        layers.put("model.layers.0.self_attn.q_proj", new ModuleFormat(format));
        layers.put("model.layers.0.self_attn.k_proj", new ModuleFormat(format));
        return layers;
    }

    private static JsonNode numericsCase(String id) throws IOException {
        JsonNode cases = MAPPER.readTree(
                        Shared.path("conformance/numerics.json").toFile())
                .get("cases");
        return StreamSupport.stream(cases.spliterator(), false)
                .filter(found -> found.get("id").asText().equals(id))
                .findFirst()
                .orElseThrow();
    }

    private static List<String> strings(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .map(JsonNode::asText)
                .toList();
    }
}
