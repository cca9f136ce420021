package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.recipe.RecipeLibrary;
import io.github.steelyard.testing.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Recipes by name, `--recipe-path`, `--set`, and the commands that show recipes.
final class RecipesCommandTest {

    @TempDir
    private Path temp;

    @Test
    void list_namesEveryShippedRecipe() {
        JsonNode list =
                CommandRun.of("recipes", "list", "--json").expect(ExitCode.OK).json();

        assertThat(StreamSupport.stream(list.spliterator(), false)
                        .map(recipe -> recipe.get("name").textValue()))
                .containsExactlyElementsOf(RecipeLibrary.names());
        assertThat(CommandRun.of("recipes", "list").expect(ExitCode.OK).out())
                .contains("nvfp4-experts_kv-fp8           Routed experts NVFP4 W4A4;");
    }

    @Test
    void show_printsTheFile() throws IOException {
        String text = Files.readString(Path.of(CommandRun.recipe("nvfp4-experts")));

        assertThat(CommandRun.of("recipes", "show", "nvfp4-experts")
                        .expect(ExitCode.OK)
                        .out())
                .isEqualTo(text);
        assertThat(CommandRun.of("recipes", "show", CommandRun.recipe("nvfp4-experts"), "--json")
                        .expect(ExitCode.OK)
                        .json()
                        .get("text")
                        .textValue())
                .isEqualTo(text);
    }

    // What is printed is the same recipe.
    @Test
    void resolve_everyShippedRecipe_readsAsItself() throws IOException {
        for (String name : RecipeLibrary.names()) {
            Path file = temp.resolve(name + ".yaml");
            Files.writeString(
                    file,
                    CommandRun.of("recipes", "resolve", name)
                            .expect(ExitCode.OK)
                            .out());

            assertThat(RecipeLibrary.SHIPPED.read(file.toString(), List.of()).digest())
                    .as(name)
                    .isEqualTo(RecipeLibrary.SHIPPED.read(name, List.of()).digest());
        }
    }

    @Test
    void resolve_appliesImportsAndSettings() throws IOException {
        Path root = Files.createDirectories(temp.resolve("root/configs/own"));
        Files.writeString(
                root.resolve("eight.yaml"),
                "# modelopt-schema: modelopt.torch.quantization.config.QuantizerAttributeConfig\nnum_bits: e4m3\n");
        Path recipe = Files.writeString(temp.resolve("r.yaml"), """
                imports: {off: configs/ptq/units/base_disable_all, eight: configs/own/eight}
                metadata: {recipe_type: ptq, description: "it's 1e10: \\u00fc"}
                quantize:
                  quant_cfg:
                    - $import: off
                    - {quantizer_name: '*weight_quantizer', cfg: {$import: eight, constant_amax: 1.0e+10}}
                """);

        CommandRun run = CommandRun.of(
                        "recipes",
                        "resolve",
                        recipe,
                        "--recipe-path",
                        temp.resolve("root"),
                        "--set",
                        "calibration.min_tokens=3")
                .expect(ExitCode.OK);

        assertThat(run.out()).isEqualTo("""
                metadata:
                  recipe_type: ptq
                  description: "it's 1e10: ü"
                quantize:
                  quant_cfg:
                    - {quantizer_name: '*', enable: false}
                    - {quantizer_name: '*weight_quantizer', cfg: {num_bits: e4m3, constant_amax: 1.0E+10}}
                calibration:
                  min_tokens: 3
                """);
    }

    @Test
    void check_withCheckpoint_saysWhatEachRuleDoes() {
        CommandRun run = CommandRun.of(
                        "recipes", "check", "nvfp4-experts_kv-fp8", "--checkpoint", CommandRun.model("bf16"), "--json")
                .expect(ExitCode.OK);
        JsonNode rules = run.json().get("rules");

        assertThat(rules).hasSize(24);
        assertThat(rules.get(1).get("pattern").textValue()).isEqualTo("*.experts.*weight_quantizer");
        assertThat(rules.get(1).get("matched").intValue()).isEqualTo(192);
        assertThat(rules.get(1).get("decides").intValue()).isEqualTo(192);
        assertThat(rules.get(1).get("format").textValue()).isEqualTo("NVFP4");
        assertThat(rules.get(4).get("matched").intValue()).isZero();
        assertThat(run.json().get("modules"))
                .anySatisfy(
                        module -> assertThat(module.get("weight").textValue()).isEqualTo("NVFP4"));
        assertThat(CommandRun.of("recipes", "check", "nvfp4-experts_kv-fp8", "--checkpoint", CommandRun.model("bf16"))
                        .expect(ExitCode.OK)
                        .out())
                .contains("     192      192  '*.experts.*weight_quantizer'                on, NVFP4  (line 14)")
                .contains("19 of 24 rules match nothing");
    }

    @Test
    void check_recipeThatIsNotRun_saysWhyAndWhere() {
        CommandRun run = CommandRun.of(
                        "recipes", "check", "nvfp4-experts", "--set", "quantize.algorithm.method=svdquant")
                .expect(ExitCode.BAD_INPUT);

        assertThat(run.err())
                .contains("--set quantize.algorithm.method:1:1: algorithm 'svdquant': not run by this version");
    }

    @Test
    void set_isKeptInTheRun_andAnotherIsAnotherSetting() {
        Path run = temp.resolve("run");
        Object[] first = {"--set", "data.max_sequences=2", "--set", "export.sharing=layer"};
        CommandRun.calibrate(run, "nvfp4-experts", first).expect(ExitCode.OK);

        JsonNode manifest = Json.read(run.resolve("manifest.json"));
        assertThat(manifest.get("recipe").get("path").textValue())
                .isEqualTo(
                        Path.of("(shipped)/configs/recipes/nvfp4-experts.yaml").toString());
        assertThat(manifest.get("recipe").get("set"))
                .extracting(JsonNode::textValue)
                .containsExactly("data.max_sequences=2", "export.sharing=layer");
        assertThat(Json.read(run.resolve("recipe.json"))
                        .get("export")
                        .get("sharing")
                        .textValue())
                .isEqualTo("layer");

        assertThat(CommandRun.calibrate(run, "nvfp4-experts", first)
                        .expect(ExitCode.OK)
                        .out())
                .contains("already complete");
        assertThat(CommandRun.calibrate(run, "nvfp4-experts", "--set", "data.max_sequences=3")
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("data.max_sequences");
        assertThat(CommandRun.calibrate(
                                run,
                                "nvfp4-experts",
                                "--set",
                                "data.max_sequences=2",
                                "--set",
                                "quantize.quant_cfg[1].cfg.num_bits=e4m3",
                                "--set",
                                "quantize.quant_cfg[1].cfg.block_sizes=",
                                "--set",
                                "export.format=scales")
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("quantize.quant_cfg[1]");
    }

    @Test
    void set_withoutARecipe_isSetOverThatOfTheRun() {
        Path run = temp.resolve("run");
        CommandRun.calibrate(run, "nvfp4-experts", "--set", "data.max_sequences=2")
                .expect(ExitCode.OK);

        CommandRun.of("export", run, "--out", temp.resolve("scales"), "--set", "export.format=scales")
                .expect(ExitCode.OK);

        assertThat(temp.resolve("scales")).isDirectoryNotContaining("glob:**model*.safetensors");
    }
}
