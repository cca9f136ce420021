package io.github.steelyard.oracle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.catalogue.CatalogueException;
import io.github.steelyard.catalogue.Catalogues;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CaseRunnerTest {

    @TempDir
    Path directory;

    private JsonNode run(String json) throws Exception {
        Path file = Files.writeString(directory.resolve("cases.json"), json);
        return new CaseRunner(Catalogues.bundled(), "vllm", true).run(file).path("results");
    }

    @Test
    void run_oneCase_givesItsIdAndBackend() throws Exception {
        JsonNode results = run("""
                {"id": "X", "format": "unquantized", "inputs": {"cc": 90, "libs": []}}""");

        assertThat(results).hasSize(1);
        assertThat(results.get(0).path("id").asText()).isEqualTo("X");
        assertThat(results.get(0).path("backend").asText()).isEqualTo("TRITON");
        assertThat(results.get(0).path("error").isNull()).isTrue();
    }

    @Test
    void run_defaultsOfTheFile_areBelowTheInputs() throws Exception {
        JsonNode results = run("""
                {"defaults": {"cc": 90, "libs": [], "activation": "silu"},
                 "cases": [{"id": "a", "format": "unquantized", "inputs": {}},
                           {"id": "b", "format": "unquantized", "inputs": {"activation": "relu2"}}]}""");

        assertThat(results.get(0).path("backend").asText()).isEqualTo("TRITON");
        assertThat(results.get(1).path("error").asText()).isEqualTo("NotImplementedError");
        assertThat(results.get(1).path("rejected")).hasSize(5);
    }

    @Test
    void run_inputThatNothingReads_isReported() throws Exception {
        JsonNode results = run("""
                [{"id": "a", "format": "unquantized", "inputs": {"cc": 90, "colour": "red"}}]""");

        assertThat(results.get(0).path("warning").asText()).isEqualTo("inputs not read: [colour]");
    }

    @Test
    void run_unknownNameToMap_isAnErrorOfTheCase() throws Exception {
        JsonNode results = run("""
                [{"id": "a", "format": "nvfp4", "inputs": {"map_name": "triton"}}]""");

        assertThat(results.get(0).path("error").asText()).isEqualTo("ValueError");
        assertThat(results.get(0).path("reason").asText())
                .startsWith("moe_backend='triton' is not supported for NvFP4 MoE. Expected one of ['cutlass',");
    }

    @Test
    void run_layoutsOfIntegerCheckpoints_areRefusedInTheEnginesWords() throws Exception {
        JsonNode results = run("""
                [{"id": "awq", "format": "wna16", "inputs": {"check_backend": "TRITON", "wna": {"layout": "awq"}}},
                 {"id": "gptq", "format": "wna16",
                  "inputs": {"check_backend": "TRITON", "wna": {"layout": "gptq", "desc_act": true}}},
                 {"id": "ct", "format": "wna16",
                  "inputs": {"check_backend": "TRITON", "wna": {"layout": "compressed-tensors", "actorder": "group"}}},
                 {"id": "moe", "format": "wna16",
                  "inputs": {"check_backend": "MARLIN", "wna": {"layout": "moe_wna16", "group_size": 128}}},
                 {"id": "group", "format": "wna16",
                  "inputs": {"check_backend": "MARLIN", "wna": {"layout": "gptq", "group_size": 48}}},
                 {"id": "fits", "format": "wna16",
                  "inputs": {"check_backend": "MARLIN", "wna": {"layout": "gptq", "group_size": 128}}}]""");

        assertThat(results.findValuesAsText("incompatible_reason"))
                .containsExactly(
                        "the AutoAWQ weight layout is not supported",
                        "GPTQ activation ordering is not supported",
                        "group activation ordering is not supported",
                        "the MoeWNA16 checkpoint layout is not supported",
                        "Marlin not supported for this layer",
                        "null");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            "cc": "ninety"               | inputs.cc: expected an integer, found "ninety"
            "experts": 1.5               | inputs.experts: expected an integer, found 1.5
            "experts": 99999999999       | inputs.experts: expected an integer, found 99999999999
            "lora": "yes"                | inputs.lora: expected true or false, found "yes"
            "libs": "flashinfer"         | inputs.libs: expected a list of texts, found "flashinfer"
            "env": ["A"]                 | inputs.env: expected an object, found ["A"]
            "env": {"A": [1]}            | inputs.env.A: expected a text, found [1]
            "wna": "gptq"                | inputs.wna: expected an object, found "gptq"
            "platform": "vax"            | inputs.platform: expected one of [cuda, rocm, xpu, cpu, tpu, oot, jvm], found "vax"
            "weight_key": 8              | inputs.weight_key: expected a text, found 8
            "swiglu_limit": "7"          | inputs.swiglu_limit: expected a number, found "7"
            "tp": -1                     | parallel sizes must be positive: tp -1, dp 1, pcp 1, sp 1, ep 1
            "hidden": 0                  | sizes must be positive: hidden 0, intermediate 768, experts 128
            """)
    void run_inputOfTheWrongKind_isRefusedWithItsPlace(String input, String message) {
        assertThatExceptionOfType(CatalogueException.class)
                .isThrownBy(() -> run("[{\"id\": \"a\", \"format\": \"fp8\", \"inputs\": {%s}}]".formatted(input)))
                .withMessageEndingWith("cases.json: a: " + message);
    }

    @Test
    void run_snapshotThatIsNotThere_isRefused() {
        assertThatExceptionOfType(CatalogueException.class)
                .isThrownBy(() -> run("""
                        {"id": "a", "format": "fp8", "snapshot": "1999-01-01", "inputs": {}}"""))
                .withMessageContaining("a: catalogue 'vllm@1999-01-01': expected one of [");
    }

    @Test
    void run_noCase_isRefused() {
        assertThatExceptionOfType(CatalogueException.class)
                .isThrownBy(() -> run("{\"id\": \"a\"}"))
                .withMessageEndingWith("cases.json: a: expected a 'format', a text, and 'inputs', an object");
        assertThatExceptionOfType(CatalogueException.class)
                .isThrownBy(() -> run("{\"id\": 1, \"id\": 2}"))
                .withMessageContaining("cases.json:1: not JSON: Duplicate field 'id'");
    }
}
