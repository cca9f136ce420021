package io.github.steelyard.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Finding;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The reference cases that opening alone must answer: those of the stages `header` and `index`, and the controls.
final class MalformedContainerTest {

    private static final Set<String> STAGES = Set.of("header", "index", "-");

    /// One case of the manifest.
    record Case(Path directory, String expect, List<String> mustName) {
        @Override
        public String toString() {
            return directory.getFileName() + " -> " + expect;
        }
    }

    static Stream<Case> cases() throws IOException {
        Path root = Shared.path("conformance/malformed");
        JsonNode manifest =
                new ObjectMapper().readTree(root.resolve("manifest.json").toFile());
        return StreamSupport.stream(manifest.get("cases").spliterator(), false)
                .filter(node -> STAGES.contains(node.get("stage").asText()))
                .map(node -> new Case(
                        root.resolve(node.get("path").asText()),
                        node.get("expect").asText(),
                        names(node)));
    }

    private static List<String> names(JsonNode node) {
        return StreamSupport.stream(node.get("message_must_name").spliterator(), false)
                .map(JsonNode::asText)
                .toList();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void open_referenceCase_isAnsweredAsTheManifestSays(Case example) {
        switch (example.expect()) {
            case "accept" -> assertThat(warnings(example.directory())).isEmpty();
            case "warn" ->
                assertThat(warnings(example.directory()))
                        .anySatisfy(message -> requireNames(message, example.mustName()));
            case "reject" ->
                assertThatExceptionOfType(CheckpointException.class)
                        .isThrownBy(() -> warnings(example.directory()))
                        .satisfies(e -> requireNames(e.getMessage(), example.mustName()));
            case "policy" ->
                assertThatExceptionOfType(CheckpointException.class).isThrownBy(() -> warnings(example.directory()));
            default -> throw new AssertionError("unknown expectation: " + example);
        }
    }

    private static void requireNames(String message, List<String> names) {
        assertThat(message.lines()).hasSize(1);
        names.forEach(name -> assertThat(message).contains(name));
    }

    private static List<String> warnings(Path directory) {
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            return checkpoint.findings().stream().map(Finding::message).toList();
        }
    }
}
