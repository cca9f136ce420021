package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.steelyard.console.Console;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Shared;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Plans for the real shapes of published models, from their configs alone.
final class PlanCommandTest {

    private static final Path CONFIGS = Path.of("src/test/resources/configs");

    @TempDir
    Path directory;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private int run(String... arguments) {
        out.reset();
        err.reset();
        List<String> all = new ArrayList<>(List.of("plan", directory.toString(), "--gflops", "0"));
        all.addAll(List.of(arguments));
        Console console = new Console(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                false);
        return Main.run(console, all.toArray(String[]::new));
    }

    private JsonNode json() throws IOException {
        return JsonMapper.builder().build().readTree(out.toByteArray()).path("result");
    }

    private void model(String name) throws IOException {
        Files.copy(CONFIGS.resolve(name + ".json"), directory.resolve("config.json"));
    }

    /// A mixed checkpoint: the experts of layers 0 and 39 in FP8, the others in NVFP4, attention in FP8.
    private void mixedQwen() throws IOException {
        model("qwen3.6-35b-a3b");
        String layers = IntStream.range(0, 40)
                .mapToObj(layer -> "\"model.language_model.layers.%d.mlp.experts\": {\"quant_algo\": \"%s\"}"
                        .formatted(layer, layer % 39 == 0 ? "FP8" : "NVFP4"))
                .collect(Collectors.joining(","));
        Files.writeString(directory.resolve("hf_quant_config.json"), """
                {"producer": {"name": "modelopt", "version": "0.40"},
                 "quantization": {"quant_algo": "MIXED_PRECISION", "kv_cache_quant_algo": "FP8",
                                  "exclude_modules": ["mtp*"], "quantized_layers": {%s}}}
                """.formatted(layers));
    }

    private List<JsonNode> layers() throws IOException {
        return StreamSupport.stream(json().path("serving").path("layers").spliterator(), false)
                .toList();
    }

    @Test
    void plan_nvfp4OnlyBackendForAll_isRefusedForTheFp8Layers() throws IOException {
        mixedQwen();

        int code = run("--device", "sm121", "--moe-backend", "flashinfer_b12x", "--json");

        assertThat(code).isEqualTo(ExitCode.GATE);
        assertThat(layers()).hasSize(40);
        assertThat(layers().getFirst().path("error").asText()).isEqualTo("ValueError");
        assertThat(layers().getFirst().path("reason").asText())
                .contains("moe_backend='flashinfer_b12x' is not supported for FP8 MoE.")
                .endsWith("[requested by --moe-backend]");
        assertThat(layers().get(1).path("backend").asText()).isEqualTo("FLASHINFER_B12X");
        assertThat(layers().get(1).path("input_scales").asText()).isEqualTo("overwritten");
    }

    @Test
    void plan_nvfp4OnlyBackendForNvfp4_servesEveryLayer() throws IOException {
        mixedQwen();

        int code = run("--device", "sm121", "--moe-backend.nvfp4", "flashinfer_b12x", "--json");

        assertThat(code).isEqualTo(ExitCode.OK);
        assertThat(layers().getFirst().path("backend").asText()).isEqualTo("FLASHINFER_CUTLASS");
        assertThat(layers().get(1).path("backend").asText()).isEqualTo("FLASHINFER_B12X");
    }

    @Test
    void plan_nanoOnTheOlderSnapshot_hidesTheW2InputAndNamesTheFlag() throws IOException {
        model("nemotron-3-nano-30b-a3b");

        int code = run(
                "--device",
                "sm90",
                "--serving",
                "vllm@2026-05-30",
                "--recipe",
                "configs/recipes/nemotron-3-nano-30b-a3b.yaml",
                "--json");

        assertThat(code).isEqualTo(ExitCode.OK);
        JsonNode source = json().path("serving").path("source_layers").get(0);
        assertThat(source.path("backend").asText()).isEqualTo("FLASHINFER_CUTLASS");
        assertThat(source.path("w2_input").asText()).isEqualTo("hidden (one kernel call runs both expert GEMMs)");
        assertThat(json().path("serving").path("fake_quant_flags").toString())
                .isEqualTo("[\"--moe-backend\",\"triton\"]");
        assertThat(json().path("sites").findValuesAsText("site"))
                .contains("backbone.layers.1.mixer.experts.0.down_proj.input_quantizer");
        JsonNode site = StreamSupport.stream(json().path("sites").spliterator(), false)
                .filter(each -> each.path("site")
                        .asText()
                        .equals("backbone.layers.1.mixer.experts.0.down_proj.input_quantizer"))
                .findFirst()
                .orElseThrow();
        assertThat(site.path("engine_visibility").asText()).startsWith("hidden");
        assertThat(site.path("measured").asBoolean()).isTrue();
    }

    @ParameterizedTest
    @CsvSource({
        "gpt-oss-120b, sm90, TRITON, ''",
        "gpt-oss-120b, sm100, FLASHINFER_TRTLLM_MXFP4_BF16, --moe-backend triton_unfused",
        "gpt-oss-120b, sm121, MARLIN, ''",
        "deepseek-v3, sm90, TRITON, --moe-backend marlin",
        "deepseek-v3, sm100, FLASHINFER_TRTLLM, --moe-backend marlin",
        "deepseek-v3, sm121, DEEPGEMM, --moe-backend marlin",
        "nemotron-3-nano-30b-a3b, sm90, TRITON, ''",
        "nemotron-3-nano-30b-a3b, sm100, FLASHINFER_TRTLLM, --moe-backend triton",
        "qwen3.6-35b-a3b, sm121, FLASHINFER_CUTLASS, --moe-backend triton"
    })
    void plan_publishedModel_namesBackendAndFlags(String model, String device, String backend, String flags)
            throws IOException {
        model(model);

        int code = run("--device", device, "--json");

        assertThat(code).isEqualTo(ExitCode.OK);
        assertThat(layers())
                .isNotEmpty()
                .allSatisfy(layer -> assertThat(layer.path("backend").asText()).isEqualTo(backend));
        List<String> found = new ArrayList<>();
        json().path("serving").path("fake_quant_flags").forEach(flag -> found.add(flag.asText()));
        assertThat(String.join(" ", found)).isEqualTo(flags);
    }

    @Test
    void plan_expertsOfOneLayerThatDisagree_isAProblem() throws IOException {
        model("qwen3.6-35b-a3b");
        Files.writeString(directory.resolve("hf_quant_config.json"), """
                {"producer": {"name": "modelopt", "version": "0.40"},
                 "quantization": {"quant_algo": "MIXED_PRECISION", "exclude_modules": [], "quantized_layers": {
                   "model.language_model.layers.0.mlp.experts.0.gate_proj": {"quant_algo": "NVFP4"},
                   "model.language_model.layers.0.mlp.experts.0.down_proj": {"quant_algo": "FP8"}}}}
                """);

        int code = run("--device", "sm100", "--json");

        assertThat(code).isEqualTo(ExitCode.GATE);
        assertThat(layers().getFirst().path("problems").get(0).asText())
                .startsWith("its experts have several formats, of which an engine reads one for all:");
    }

    // vLLM's loader: "Weight output_partition_size = 192 is not divisible by weight quantization block_n = 128."
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "qwen3-30b-a3b | 4 | true  | 768 intermediate features over 4 ranks are 192 each, no multiple of the 128",
                "qwen3-30b-a3b | 4 | false | ''",
                "qwen3-30b-a3b | 2 | true  | ''",
                "qwen3-8b      | 16 | true | ''",
                "qwen3-8b      | 64 | true | mlp.gate_proj: 12288 output features over 64 ranks are 192 each",
                "qwen3-8b      | 64 | true | self_attn: 32 heads with 8 of keys do not divide over 64 ranks",
                "qwen3-8b      | 64 | true | self_attn.q_proj: 4096 output features over 64 ranks are 64 each",
                "qwen3-8b      | 64 | true | self_attn.o_proj: 4096 input features over 64 ranks are 64 each",
                "deepseek-v3   | 32 | true | mlp.gate_proj: 18432 output features over 32 ranks are 576 each",
                "gpt-oss-20b   | 4 | true  | ''"
            })
    void plan_tensorParallelism_refusesBlocksThatItCuts(String name, int tp, boolean cutExperts, String problem)
            throws IOException {
        model(name);
        if (name.startsWith("qwen")) {
            declareFp8Blocks();
        }

        int code = cutExperts
                ? run("--device", "sm90", "--tp", Integer.toString(tp))
                : run("--device", "sm90", "--tp", Integer.toString(tp), "--ep");

        assertThat(code).isEqualTo(problem.isEmpty() ? ExitCode.OK : ExitCode.GATE);
        assertThat(out.toString(StandardCharsets.UTF_8)).contains(problem);
    }

    private void declareFp8Blocks() throws IOException {
        Path config = directory.resolve("config.json");
        String text = Files.readString(config).stripTrailing();
        Files.writeString(config, text.substring(0, text.length() - 1) + """
                , "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128],
                   "modules_to_not_convert": ["lm_head"]}}""");
    }

    @Test
    void plan_table_showsRulesBackendAndForecast() throws IOException {
        model("nemotron-3-nano-30b-a3b");

        int code = run(
                "--device", "sm100", "--recipe", "configs/recipes/nemotron-3-nano-30b-a3b.yaml", "--tokens", "1000000");

        assertThat(code).isEqualTo(ExitCode.OK);
        assertThat(out.toString(StandardCharsets.UTF_8))
                .contains("    2944  backbone.layers.*.mixer.experts.*.down_proj")
                .contains("weight NVFP4, input NVFP4")
                .containsPattern("matches nothing: .*rule 'mtp\\.\\*'")
                .contains("as the recipe makes it:")
                .contains("FLASHINFER_TRTLLM (TrtLlmNvFp4ExpertsMonolithic)")
                .contains("forecast for 1,000,000 tokens (given)")
                .contains("coverage: 23 layers of 128 experts, 6 chosen: 46875 tokens per expert, 0.0 starved");
    }

    @Test
    void plan_withoutDevice_plansTheRecipeAlone() throws IOException {
        model("qwen3-30b-a3b");

        assertThat(run("--recipe", "configs/recipes/qwen3-30b-a3b.yaml")).isEqualTo(ExitCode.OK);
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("serving: no device given (--device sm100)");
    }

    @Test
    void plan_probeOfATinyModel_countsWhatTheRoutersChoose() throws IOException {
        Path tiny = Shared.path("models/tiny-qwen3-moe-bf16");
        out.reset();
        Console console = new Console(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                false);

        int code = Main.run(
                console,
                "plan",
                tiny.toString(),
                "--gflops",
                "0",
                "--data",
                Shared.path("models/valid.jsonl").toString(),
                "--probe",
                "1",
                "--json");

        assertThat(code).as(err.toString(StandardCharsets.UTF_8)).isEqualTo(ExitCode.OK);
        JsonNode coverage = json().path("forecast").path("coverage").get(0);
        assertThat(coverage.path("basis").asText()).startsWith("probe of ");
        assertThat(json().path("forecast").path("tokens_are").asText()).isEqualTo("counted");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            --tp 8 --moe-backend triton   | --tp, --moe-backend: no effect without --device
            --stats RUN                   | --stats: no effect without --device
            --probe 1                     | --probe: expected --data with the text to route
            --tokens 5 --data F           | --tokens and --data exclude each other
            --tokens -5                   | expected a number of at least 1, found '-5'
            """)
    void plan_optionWithoutEffect_isRefused(String options, String message) throws IOException {
        model("qwen3-30b-a3b");

        assertThat(run(options.split(" "))).isEqualTo(ExitCode.USAGE);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains(message);
    }

    @Test
    void plan_backendForAFormatThatNoLayerHas_isNamed() throws IOException {
        model("qwen3-30b-a3b");

        assertThat(run("--device", "sm100", "--moe-backend.mxfp4", "marlin")).isEqualTo(ExitCode.OK);
        assertThat(out.toString(StandardCharsets.UTF_8))
                .contains("without effect, no layer has the format: --moe-backend.mxfp4 marlin");
    }

    @Test
    void plan_exportOfAStoredFormat_countsItsBits() throws IOException {
        mixedQwen();
        assertThat(run("--json")).isEqualTo(ExitCode.OK);
        long mixed = json().path("forecast").path("export_bytes").asLong();
        Files.delete(directory.resolve("hf_quant_config.json"));
        assertThat(run("--json")).isEqualTo(ExitCode.OK);
        long plain = json().path("forecast").path("export_bytes").asLong();

        // 256 experts of three 512 x 2048 weights: 2 layers lose 8 bits a weight, 38 lose 11.5.
        assertThat(plain - mixed).isEqualTo((long) (256L * 3 * 512 * 2048 * (2 * 8 + 38 * 11.5) / 8));
    }

    @Test
    void plan_dataWithoutWeights_needsOnlyTheTokenizer() throws IOException {
        Path tiny = Shared.path("models/tiny-qwen3-moe-bf16");
        Files.copy(tiny.resolve("config.json"), directory.resolve("config.json"));
        Files.copy(tiny.resolve("tokenizer.json"), directory.resolve("tokenizer.json"));

        assertThat(run("--data", Shared.path("models/valid.jsonl").toString(), "--json"))
                .isEqualTo(ExitCode.OK);
        assertThat(json().path("forecast").path("tokens_are").asText()).isEqualTo("counted");
    }

    @Test
    void plan_finishedRun_showsHowFarExpertsLieApart() throws IOException {
        Path run = directory.resolve("run");
        CommandRun.calibrate(run, CommandRun.recipe("nvfp4-experts"), "--max-sequences", "4")
                .expect(ExitCode.OK);

        CommandRun plan = CommandRun.of(
                        "plan", CommandRun.model("bf16"), "--device", "sm100", "--stats", run, "--gflops", "50")
                .expect(ExitCode.OK);

        assertThat(plan.out())
                .containsPattern(
                        "w2 amax: the largest expert is up to [0-9.]+ times the median one \\(16 of 16 experts measured")
                .contains("the products alone, at the 50 GFLOP/s");
        model("llama-3.1-8b");
        assertThat(run("--device", "sm100", "--stats", run.toString())).isEqualTo(ExitCode.USAGE);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("has no input amax of any expert of this model");
    }

    @Test
    void plan_recipeThatShowsEachExpertEveryToken_countsThatWork() throws IOException {
        model("qwen3-30b-a3b");
        String recipe = CommandRun.alteredRecipe(
                directory.resolve("all.yaml"), "nvfp4-experts", "experts: routed", "experts: all");

        assertThat(run("--tokens", "1000", "--recipe", CommandRun.recipe("nvfp4-experts"), "--json"))
                .isEqualTo(ExitCode.OK);
        double routed = json().path("forecast").path("flops").asDouble();
        assertThat(run("--tokens", "1000", "--recipe", recipe, "--json")).isEqualTo(ExitCode.OK);

        // 48 layers of 128 experts, of which a token is sent to 8 and shown to all others; gate and up, 768 x 2048, 2
        // operations each, for 1000 tokens.
        assertThat(json().path("forecast").path("flops").asDouble() - routed)
                .isEqualTo(2.0 * 1000 * 48 * (128 - 8) * 2 * 768 * 2048);
    }

    @Test
    void plan_directoryWithoutConfig_exitsWithThree() {
        assertThat(run("--device", "sm100")).isEqualTo(ExitCode.BAD_INPUT);
    }
}
