package io.github.steelyard.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.github.steelyard.catalogue.Catalogues;
import io.github.steelyard.oracle.CaseRunner;
import io.github.steelyard.testing.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/// Catalogues of the backend oracle, and files of cases for it.
final class CatalogueTarget implements FuzzTarget {

    private static final JsonNode CASES = Json.parse("""
            {"defaults": {"platform": "cuda", "cc": null, "arch": null, "libs": ["flashinfer"], "activation": "silu",
             "tp": 1, "dp": 1, "ep_size": 1, "use_ep": false, "sp": 1, "all2all": "allgather_reducescatter",
             "eplb": false, "lora": false, "bias": false, "routing": "Renormalize", "logits": "bf16", "hidden": 2048,
             "inter_pp": 768, "experts": 128, "moe_backend": "auto", "env": {}, "swiglu_limit": null,
             "batch_invariant": false},
             "cases": [
              {"id": "a", "format": "unquantized", "inputs": {"cc": 90, "activation": "relu2_no_mul",
               "routing": "DeepSeekV3"}, "expected": {"backend": "TRITON"}, "snapshot": "head"},
              {"id": "b", "format": "nvfp4", "inputs": {"cc": 100, "ep_size": 8, "use_ep": true,
               "env": {"VLLM_USE_FLASHINFER_MOE_FP4": "1"}}, "mocks": {"x": true}},
              {"id": "c", "format": "fp8", "inputs": {"cc": 89, "weight_key": "fp8_block", "platform": "rocm",
               "arch": "gfx942"}}]}
            """);

    private final Catalogues catalogues = Catalogues.bundled();
    private final Path file;
    private final Path catalogue;
    private final JsonMutation catalogueMutation;
    private final JsonMutation mutation = new JsonMutation(List.of(CASES));

    CatalogueTarget(FuzzFiles files) throws IOException {
        this.file = files.root().resolve("cases.json");
        this.catalogue =
                Files.createDirectory(files.root().resolve("catalogues")).resolve("c.yaml");
        this.catalogueMutation = new JsonMutation(
                List.of(new YAMLMapper().readTree(Files.readString(Path.of("configs/serving/steelyard.yaml")))));
    }

    @Override
    public String name() {
        return "catalogues";
    }

    @Override
    public Attempt next(Random random) throws IOException {
        if (random.nextInt(3) == 0) {
            FuzzFiles.write(catalogue, catalogueMutation.mutated(random));
            return new Attempt.Call("Catalogues.in", () -> Catalogues.in(catalogue.getParent()));
        }
        byte[] changed = random.nextInt(6) == 0
                ? ByteMutation.mutated(CASES.toString().getBytes(StandardCharsets.UTF_8), random)
                : mutation.mutated(random).getBytes(StandardCharsets.UTF_8);
        Files.write(file, changed);
        return random.nextInt(100) > 0
                ? new Attempt.Call("CaseRunner.answers", () -> new CaseRunner(catalogues, "vllm", false).answers(file))
                : Attempt.Commands.of("backends", "select", "--cases", file);
    }
}
