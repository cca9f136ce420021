package io.github.steelyard;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What the demo needs is in the jar, unchanged by the build's resource copying.
final class DemoResourcesTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "config.json",
                "generation_config.json",
                "hf_quant_config.json",
                "model.safetensors",
                "tokenizer.json",
                "tokenizer_config.json"
            })
    void checkpoint_files_areCopiedByteForByte(String file) throws IOException {
        assertThat(resource("demo/checkpoint/" + file))
                .isEqualTo(Files.readAllBytes(Path.of("src/main/resources/demo/checkpoint", file)));
    }

    @Test
    void texts_doNotOverlap() throws IOException {
        List<String> calibration = lines("calibration-data/demo.jsonl");
        List<String> heldOut = lines("calibration-data/demo-held-out.jsonl");

        assertThat(calibration).hasSize(36).doesNotHaveDuplicates().doesNotContainAnyElementsOf(heldOut);
        assertThat(heldOut).hasSize(12).doesNotHaveDuplicates();
    }

    private static List<String> lines(String name) throws IOException {
        return new String(resource(name), StandardCharsets.UTF_8).lines().toList();
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream stream = DemoResourcesTest.class.getClassLoader().getResourceAsStream(name)) {
            return Objects.requireNonNull(stream, name).readAllBytes();
        }
    }
}
