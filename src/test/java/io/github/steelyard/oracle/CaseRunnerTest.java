package io.github.steelyard.oracle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

    @Test
    void run_noCase_isRefused() {
        assertThatExceptionOfType(CatalogueException.class)
                .isThrownBy(() -> run("{\"id\": \"a\"}"))
                .withMessageEndingWith("cases.json: a: expected 'format' and 'inputs'");
        assertThatExceptionOfType(CatalogueException.class)
                .isThrownBy(() -> run("{\"id\": 1, \"id\": 2}"))
                .withMessageContaining("cases.json:1: not JSON: Duplicate field 'id'");
    }
}
