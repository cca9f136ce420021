package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.GeneratedCheckpoint;
import io.github.steelyard.testing.TokenIds;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A model that no release knows, declared by a file of the user's: without a line of Java.
final class DeclaredFamilyRunsTest {

    private static final String PROPERTY = "steelyard.models";
    private static final String KNOWN = "qwen3_omni_moe_text";
    private static final String DECLARATION = """
            types: [next_month]
            root: thinker.model
            attention: {norm: per_head, rotary: {theta: 1000000}}
            moe: {renormalise: norm_topk_prob}
            """;

    @TempDir
    private Path temp;

    private Path models;
    private Path model;

    @BeforeEach
    void writeModel() throws IOException {
        models = Files.createDirectory(temp.resolve("models"));
        model = GeneratedCheckpoint.write("qwen3_omni_moe", temp.resolve("model"));
        Path config = model.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace(KNOWN, "next_month"));
        System.setProperty(PROPERTY, models.toString());
    }

    @AfterEach
    void forgetModels() {
        System.clearProperty(PROPERTY);
    }

    @Test
    void declaredModel_runsAsTheFamilyThatItIs() throws IOException {
        Path data = TokenIds.write(temp.resolve("ids.jsonl"), 64, 40, 33, 7);
        Path known = GeneratedCheckpoint.write("qwen3_omni_moe", temp.resolve("known"));
        assertThat(CommandRun.of("inspect", model, "--check").err()
                        + CommandRun.of("evaluate", model, "--data", data)
                                .expect(ExitCode.BAD_INPUT)
                                .err())
                .contains("nearest by its tensors: ");

        declare(DECLARATION);
        String recipe = CommandRun.alteredRecipe(
                temp.resolve("recipe.yaml"),
                "nvfp4-experts_kv-fp8",
                "starved_experts: fail",
                "starved_experts: layer_max");
        Path out = temp.resolve("out");
        CommandRun.of("run", model, "--recipe", recipe, "--data", data, "--out", out)
                .expect(ExitCode.OK);

        CommandRun.of("verify", out.resolve("export"), "--source", model).expect(ExitCode.OK);
        assertThat(perplexity(model, data)).isEqualTo(perplexity(known, data));
    }

    // What there is without a family: formats, and what the nearest one lacks.
    @Test
    void unknownModel_isShownWithWhatDiffers() throws IOException {
        Path other = GeneratedCheckpoint.write("minimax_m2", temp.resolve("other"));
        Path config = other.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("minimax_m2", "maximin"));

        CommandRun inspected = CommandRun.of("inspect", other).expect(ExitCode.OK);

        assertThat(inspected.out()).contains("BF16");
        assertThat(inspected.err()).contains("(nearest by its tensors: minimax_m2, which they fit)");
        CommandRun planned = CommandRun.of("plan", other, "--recipe", CommandRun.recipe("nvfp4-experts"));
        assertThat(planned.expect(ExitCode.BAD_INPUT).err()).contains("nearest by its tensors: minimax_m2");
    }

    @Test
    void unknownModel_tensorsThatDiffer_areNamedOnceForAllLayers() throws IOException {
        Path other = GeneratedCheckpoint.write("qwen3_next", temp.resolve("other"));
        Path config = other.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("qwen3_next", "qwen9"));
        Path tensors = other.resolve("model.safetensors");
        Files.write(
                tensors,
                new String(Files.readAllBytes(tensors), StandardCharsets.ISO_8859_1)
                        .replace("in_proj_ba", "in_proj_xy")
                        .getBytes(StandardCharsets.ISO_8859_1));

        assertThat(CommandRun.of("inspect", other).expect(ExitCode.OK).err())
                .contains("(nearest by its tensors: qwen3_next, from which 6 differ:"
                        + " it wants model.layers.N.linear_attn.in_proj_ba.weight;"
                        + " it has no use for model.layers.N.linear_attn.in_proj_xy.weight)");
    }

    // A run goes on only under the declaration that it was begun with.
    @Test
    void otherDeclaration_isAnotherRun() throws IOException {
        Path data = TokenIds.write(temp.resolve("ids.jsonl"), 64, 40, 33, 7);
        declare(DECLARATION);
        calibrate(data).expect(ExitCode.OK);

        declare(DECLARATION.replace("1000000", "10000"));

        assertThat(calibrate(data).expect(ExitCode.BAD_INPUT).err())
                .contains("family: other content here than in the run");
    }

    @Test
    void hostileDeclaration_isRefusedByLine() throws IOException {
        assertThat(refused(DECLARATION.replace("norm: per_head", "norm: per_hat")))
                .contains("next.yaml: line 3: attention.norm: expected none or per_head or rotated or full_width");
        assertThat(refused(DECLARATION.replace("moe: {", "moe: {shared_expert: x, ")))
                .contains("next.yaml: line 4: unknown key 'shared_expert'");
        assertThat(refused(DECLARATION.replace("next_month", "next_month, qwen3_moe")))
                .contains("types: expected model types that are not known without it, found qwen3_moe");
        assertThat(refused(DECLARATION.replace("per_head", "none")))
                .contains("belong to modules of the model, and its config gives no use for them")
                .contains("self_attn.q_norm.weight");
    }

    private String refused(String declaration) throws IOException {
        declare(declaration);
        Path data = TokenIds.write(temp.resolve("few.jsonl"), 64, 5);
        return CommandRun.of("evaluate", model, "--data", data)
                .expect(ExitCode.BAD_INPUT)
                .err();
    }

    private CommandRun calibrate(Path data) {
        return CommandRun.of(
                "calibrate",
                model,
                "--recipe",
                CommandRun.recipe("nvfp4-experts"),
                "--set",
                "calibration.starved_experts=layer_max",
                "--data",
                data,
                "--out",
                temp.resolve("run"));
    }

    private void declare(String text) throws IOException {
        Files.writeString(models.resolve("next.yaml"), text);
    }

    private static String perplexity(Path model, Path data) {
        return CommandRun.of("evaluate", model, "--data", data)
                .expect(ExitCode.OK)
                .out()
                .lines()
                .filter(line -> line.contains("perplexity"))
                .findFirst()
                .orElseThrow();
    }
}
