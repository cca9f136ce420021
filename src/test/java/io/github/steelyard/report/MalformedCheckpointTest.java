package io.github.steelyard.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every reference case of a damaged checkpoint, through the whole inspection.
@Timeout(30)
final class MalformedCheckpointTest {

    @TempDir
    Path folder;

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
                .map(node -> new Case(
                        root.resolve(node.get("path").asText()),
                        node.get("expect").asText(),
                        StreamSupport.stream(node.get("message_must_name").spliterator(), false)
                                .map(JsonNode::asText)
                                .toList()));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void check_referenceCase_isAnsweredAsTheManifestSays(Case example) {
        Inspection inspection = Inspection.check(example.directory(), 2);
        List<String> lines = inspection.findingLines();
        assertThat(lines).allSatisfy(line -> assertThat(line.lines()).hasSize(1));
        switch (example.expect()) {
            case "accept" -> assertThat(inspection.isSound()).as("%s", lines).isTrue();
            case "warn" -> {
                assertThat(inspection.isSound()).as("%s", lines).isTrue();
                assertThat(lines).anySatisfy(line -> requireNames(line, "warning: ", example.mustName()));
            }
            case "reject" -> assertThat(lines).anySatisfy(line -> requireNames(line, "error: ", example.mustName()));
            // An extent of 2^40 twice overflows before the 0 is seen: refused, as the Rust library does.
            case "policy" -> assertThat(inspection.isSound()).isFalse();
            default -> throw new AssertionError("unknown expectation: " + example);
        }
    }

    private static void requireNames(String line, String level, List<String> names) {
        assertThat(line).startsWith(level);
        names.forEach(name -> assertThat(line).contains(name));
    }

    @Test
    void check_deviceInPlaceOfTheWeights_isRejected() throws IOException {
        Path directory = withConfig();
        Files.createSymbolicLink(directory.resolve("model.safetensors"), Path.of("/dev/zero"));
        rejected(directory, "not a regular file");
    }

    @Test
    void check_pipeInPlaceOfTheWeights_isRejected() throws Exception {
        Path directory = withConfig();
        String pipe = directory.resolve("model.safetensors").toString();
        assertThat(new ProcessBuilder("mkfifo", pipe).start().waitFor()).isZero();
        rejected(directory, "not a regular file");
    }

    @Test
    void check_headerBeyondTheLimit_isRejected() throws IOException {
        Path directory = withConfig();
        try (RandomAccessFile sparse =
                new RandomAccessFile(directory.resolve("model.safetensors").toFile(), "rw")) {
            sparse.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(100_000_008)
                    .array());
            sparse.setLength(100_000_016);
        }
        rejected(directory, "header length 100000008 is more than the limit");
    }

    @Test
    void check_linkToPasswords_isRejectedWithoutQuotingThem() throws IOException {
        Path directory = withConfig();
        Files.createSymbolicLink(directory.resolve("model.safetensors"), Path.of("/etc/passwd"));
        rejected(directory, "model.safetensors: header length");
        Files.delete(directory.resolve("config.json"));
        Files.createSymbolicLink(directory.resolve("config.json"), Path.of("/etc/passwd"));
        rejected(directory, "config.json: invalid JSON");
        assertThat(Inspection.check(directory, 1).findingLines().getFirst()).doesNotContain("root");
    }

    @Test
    void check_hubCacheOfLinks_isAccepted() throws IOException {
        Path blobs = Files.createDirectories(folder.resolve("blobs"));
        Path snapshot = Files.createDirectories(folder.resolve("snapshots/rev"));
        Path good = Shared.path("conformance/malformed/ok_bf16");
        for (String name : List.of("config.json", "model.safetensors")) {
            Files.copy(good.resolve(name), blobs.resolve(name + ".blob"));
            Files.createSymbolicLink(snapshot.resolve(name), Path.of("../../blobs", name + ".blob"));
        }
        assertThat(Inspection.check(snapshot, 2).findings()).isEmpty();
    }

    private Path withConfig() throws IOException {
        Files.copy(Shared.path("conformance/malformed/ok_bf16/config.json"), folder.resolve("config.json"));
        return folder;
    }

    private static void rejected(Path directory, String reason) {
        Inspection inspection = Inspection.check(directory, 2);
        assertThat(inspection.isSound()).isFalse();
        assertThat(inspection.findingLines())
                .anySatisfy(line -> assertThat(line).contains(reason));
    }
}
