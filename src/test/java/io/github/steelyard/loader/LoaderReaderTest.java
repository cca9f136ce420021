package io.github.steelyard.loader;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.yaml.YamlException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A rule that could never speak is an error of its file.
final class LoaderReaderTest {

    @ParameterizedTest
    @CsvSource({
        "kinds, experts, expert",
        "methods, compressed_tensors, compressed-tensors",
        "weights, NVPF4, NVFP4",
        "weights, W8A8_INT8, W8A8_SQ_PER_CHANNEL",
        "inputs, Static, static",
        "traits, per-heads, per-head",
        "without, mix, mixed"
    })
    void wordThatNoPartHas_isRefused(String key, String word, String known) {
        String text = """
                schema: steelyard/loader/v1
                engine: some
                snapshot: 2026
                commit: abc
                rules:
                  - effect: refuses
                    %s: [%s]
                    says: "stops"
                """.formatted(key, word);

        assertThatThrownBy(() -> LoaderReader.read("some.yaml", text))
                .isInstanceOf(YamlException.class)
                .hasMessageContaining(key)
                .hasMessageContaining(known);
    }
}
