package io.github.steelyard.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TokenizerTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Path DEMO = Path.of("src/main/resources/demo/checkpoint/tokenizer.json");

    @TempDir
    private Path directory;

    @Test
    void encode_referenceCases_giveTheirIds() throws IOException {
        JsonNode cases =
                JSON.readTree(Shared.path("models/refs/tokenizer_cases.json").toFile());
        assertThat(cases).hasSize(6);
        try (Tokenizer tokenizer = Tokenizer.at(Shared.path("models/tiny-qwen3-moe-bf16/tokenizer.json"))) {
            for (JsonNode test : cases) {
                String text = test.get("text").asText();
                assertThat(tokenizer.encode(text, false)).as(text).isEqualTo(ids(test.get("ids")));
                assertThat(tokenizer.encode(text, true)).as(text).isEqualTo(ids(test.get("ids")));
            }
        }
    }

    @Test
    void encode_gitLfsPointer_saysHowToFetchTheFile() throws IOException {
        Path file = Files.writeString(
                directory.resolve("tokenizer.json"),
                "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 11421896\n".formatted("0".repeat(64)));
        try (Tokenizer tokenizer = Tokenizer.at(file)) {
            assertThatThrownBy(() -> tokenizer.encode("text", false))
                    .hasMessageContaining("is a Git LFS pointer, not the file itself: run 'git lfs pull'");
        }
    }

    @Test
    void encode_fileThatTruncatesAndPads_givesAllTokensAndNoMore() throws IOException {
        ObjectNode json = (ObjectNode) JSON.readTree(DEMO.toFile());
        json.set("truncation", JSON.readTree("""
                {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}"""));
        json.set("padding", JSON.readTree("""
                {"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
                 "pad_type_id": 0, "pad_token": "!"}"""));
        Path file = Files.writeString(directory.resolve("tokenizer.json"), json.toString());
        String text = "To be, or not to be, that is the question.";

        try (Tokenizer cutting = Tokenizer.at(file);
                Tokenizer plain = Tokenizer.at(DEMO)) {
            assertThat(cutting.encode(text, true))
                    .isEqualTo(plain.encode(text, true))
                    .hasSizeGreaterThan(8);
        }
    }

    @Test
    void encode_moreThan512Tokens_isNotTruncated() {
        try (Tokenizer tokenizer = Tokenizer.at(DEMO)) {
            assertThat(tokenizer.encode("word ".repeat(2000), true)).hasSizeGreaterThan(2000);
        }
    }

    @Test
    void encode_controlCharacters_areText() {
        try (Tokenizer tokenizer = Tokenizer.at(DEMO)) {
            assertThat(tokenizer.encode("a\u0000b", true)).hasSizeGreaterThanOrEqualTo(2);
            assertThat(tokenizer.encode("", true)).isEmpty();
        }
    }

    @Test
    void at_missingFile_failsOnlyWhenTextArrives() {
        try (Tokenizer tokenizer = Tokenizer.at(directory.resolve("tokenizer.json"))) {
            assertThatThrownBy(() -> tokenizer.encode("a", true))
                    .isInstanceOf(CorpusException.class)
                    .hasMessage(directory.resolve("tokenizer.json")
                            + ": no such file; text needs it, data with input_ids does not");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{}",
                "[]",
                "null",
                "{\"model\": {\"type\": \"BPE\"}}",
                "\u0000\u0001",
                "{\"version\": 1e999}"
            })
    void encode_fileThatIsNoTokenizer_isRefusedOnOneLine(String json) throws IOException {
        refused(json.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void encode_hostileFile_isRefusedOnOneLine() throws IOException {
        refused("[".repeat(1 << 20).getBytes(StandardCharsets.UTF_8));
        refused(new byte[] {(byte) 0xff, (byte) 0xfe, 'x'});
        String vocabulary = JSON.readTree(DEMO.toFile()).toString();
        refused(vocabulary.substring(0, vocabulary.length() / 2).getBytes(StandardCharsets.UTF_8));
    }

    private void refused(byte[] content) throws IOException {
        Path file = Files.write(directory.resolve("tokenizer.json"), content);
        try (Tokenizer tokenizer = Tokenizer.at(file)) {
            assertThatThrownBy(() -> tokenizer.encode("a", true))
                    .isInstanceOf(CorpusException.class)
                    .hasMessageStartingWith(file + ": not a tokenizer: ")
                    .hasMessageNotContaining("\n");
        }
    }

    private static int[] ids(JsonNode list) {
        return StreamSupport.stream(list.spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
    }
}
