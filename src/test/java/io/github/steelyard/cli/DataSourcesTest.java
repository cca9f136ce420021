package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Runs on several data files.
final class DataSourcesTest {

    @TempDir
    private Path temp;

    private Path model;

    @BeforeEach
    void write() throws IOException {
        model = temp.resolve("model");
        CommandRun.of(
                        "synthesize",
                        Path.of("src/test/resources/cli/small-moe.json"),
                        "--layers",
                        1,
                        "--seed",
                        7,
                        "--out",
                        model)
                .expect(ExitCode.OK);
        Files.createDirectories(temp.resolve("web"));
        Files.writeString(temp.resolve("web/a.jsonl"), lines(1, 4));
        Files.writeString(temp.resolve("web/b.jsonl"), lines(20, 2));
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(temp.resolve("code.jsonl.gz")))) {
            out.write(lines(40, 8).getBytes(StandardCharsets.UTF_8));
        }
    }

    @Test
    void sourcesOfARecipe_areInTheManifest_andOnTheCommandLineTheSame() throws IOException {
        Path recipe = Files.writeString(temp.resolve("r.yaml"), """
                metadata: {recipe_type: ptq}
                quantize: {algorithm: max, quant_cfg: [{quantizer_name: '*', enable: false}]}
                data: {sources: [web, {path: code*.gz, weight: 1}], max_sequences: 6}
                export: {format: scales}
                """);
        CommandRun.of("calibrate", model, "--recipe", recipe, "--out", temp.resolve("run"))
                .expect(ExitCode.OK);
        CommandRun.of(
                        "calibrate",
                        model,
                        "--recipe",
                        recipe,
                        "--out",
                        temp.resolve("named"),
                        "--data",
                        temp.resolve("web"),
                        "--data",
                        temp.resolve("code.jsonl.gz"))
                .expect(ExitCode.OK);

        JsonNode data = Json.read(temp.resolve("run/manifest.json")).get("data");
        assertThat(data.get("path").textValue()).isEqualTo(temp.resolve("web") + ", " + temp.resolve("code*.gz"));
        assertThat(data.get("files")).hasSize(3);
        assertThat(data.get("files").findValuesAsText("documents")).containsExactly("3", "0", "3");
        assertThat(data.get("files").findValuesAsText("digest")).allMatch(digest -> digest.length() == 64);
        JsonNode named = Json.read(temp.resolve("named/manifest.json")).get("data");
        assertThat(named.get("digest")).isEqualTo(data.get("digest"));
        assertThat(named.get("files")).isEqualTo(data.get("files"));
        CommandRun.of("stats", temp.resolve("run")).expect(ExitCode.OK);
    }

    @Test
    void onePlainFile_isNotListed() {
        CommandRun.of(
                        "calibrate",
                        model,
                        "--recipe",
                        "fp8-experts",
                        "--out",
                        temp.resolve("run"),
                        "--data",
                        temp.resolve("web/a.jsonl"),
                        "--set",
                        "calibration.starved_experts=layer_max")
                .expect(ExitCode.OK);

        JsonNode data = Json.read(temp.resolve("run/manifest.json")).get("data");
        assertThat(List.copyOf(data.properties()))
                .extracting(entry -> entry.getKey())
                .containsExactly("path", "digest");
    }

    @Test
    void runDirectory_besideTheData_isFree_inItIsNot() {
        CommandRun refused = CommandRun.of(
                "calibrate",
                model,
                "--recipe",
                "fp8-experts",
                "--data",
                temp.resolve("web"),
                "--out",
                temp.resolve("web/a.jsonl"));

        assertThat(refused.expect(ExitCode.USAGE).err()).contains("is the input");
    }

    private static String lines(int from, int count) {
        StringBuilder lines = new StringBuilder();
        IntStream.range(from, from + count).forEach(id -> lines.append("{\"input_ids\": [%d, 1, 2]}\n".formatted(id)));
        return lines.toString();
    }
}
