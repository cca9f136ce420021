package io.github.steelyard.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.testing.Shared;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// `tokenizer.json` files that kill the process which uses them, or never end.
final class HostileTokenizerTest {

    private static final String MODEL = """
            {"type": "WordLevel", "vocab": {"<unk>": 0, "a": 1, "b": 2}, "unk_token": "<unk>"}""";

    // Ten for one, seven times.
    private static final String EXPANSION = """
            {"type": "Sequence", "normalizers": [%s]}""".formatted(String.join(", ", Collections.nCopies(7, """
                            {"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaaaa"}""")));

    @TempDir
    private Path directory;

    @Test
    void encode_libraryThatAbortsOnTheFile_isOneLine() throws IOException {
        refused(json("null", "null", "null", """
                {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"],
                 "continuing_subword_prefix": "##########", "unk_token": null, "fuse_unk": false}"""), "not a tokenizer: the tokenizer library died of it (signal 6): ");
    }

    @Test
    void encode_libraryThatOverflowsItsStack_isOneLine() throws IOException {
        String regex = "(".repeat(20_000) + ")".repeat(20_000);
        refused(json("null", """
                {"type": "Split", "pattern": {"Regex": "%s"}, "behavior": "Isolated", "invert": false}""".formatted(regex), "null", MODEL), "not a tokenizer: ");
    }

    @Test
    void encode_libraryThatAbortsOnTheText_isOneLine() throws IOException {
        refused(
                json("null", "{\"type\": \"FixedLength\", \"length\": 0}", "null", MODEL),
                "the text of it cannot be tokenised: the tokenizer library died of it (signal 6): ");
    }

    @Test
    void encode_textThatExpandsWithoutEnd_endsInBoundedTime() throws IOException {
        refused(json(EXPANSION, "null", "null", MODEL), "the text of it cannot be tokenised: ");
    }

    @Test
    void encode_idBeyondAnInt_isOneLine() throws IOException {
        refused(
                json("null", "null", "null", MODEL.replace("\"a\": 1", "\"aaaaaaaa\": 4294967295")),
                "the text of it cannot be tokenised: token 0 has id 4294967295, beyond 2147483647");
    }

    @Test
    void encode_manyTokensForFewBytes_isOneLine() throws IOException {
        String many = String.join(", ", Collections.nCopies(2000, """
                {"SpecialToken": {"id": "a", "type_id": 0}}"""));
        refused(
                json("null", "null", """
                {"type": "TemplateProcessing", "single": [%s, {"Sequence": {"id": "A", "type_id": 0}}],
                 "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
                 "special_tokens": {"a": {"id": "a", "ids": [1], "tokens": ["a"]}}}""".formatted(many), MODEL),
                "the text of it cannot be tokenised: 2001 tokens come of 8 bytes");
    }

    // What was answered before the death counts, whatever was on its way behind it.
    @Test
    void begin_textsBeforeAndAfterTheFatalOne_keepTheirOrder() throws IOException {
        Path file = write(json("null", """
                {"type": "Split", "pattern": {"Regex": "(b+)+c"}, "behavior": "Isolated", "invert": false}""", "null", MODEL));
        try (Tokenizer tokenizer = Tokenizer.at(file)) {
            Supplier<int[]> sound = tokenizer.begin("a", false, "the first text");
            Supplier<int[]> fatal = tokenizer.begin("b".repeat(60), false, "the second text");
            Supplier<int[]> after = tokenizer.begin("a", false, "the third text");

            assertThat(sound.get()).containsExactly(1);
            assertThatThrownBy(fatal::get).hasMessageContaining("the second text cannot be tokenised");
            assertThatThrownBy(after::get).isInstanceOf(CorpusException.class);
            assertThatThrownBy(() -> tokenizer.encode("a", false)).isInstanceOf(CorpusException.class);
        }
    }

    @Test
    void encode_namedPipe_isNotOpened() throws Exception {
        Path file = directory.resolve("tokenizer.json");
        assertThat(new ProcessBuilder("mkfifo", file.toString()).start().waitFor())
                .isZero();
        refused(file, "a", "not a regular file");
    }

    @Test
    void encode_fileThatMayNotBeRead_saysSo() throws IOException {
        Path file = write(json("null", "null", "null", MODEL));
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("---------"));
        Assumptions.assumeFalse(Files.isReadable(file), "root may read everything");
        refused(file, "a", "permission denied");
    }

    @ParameterizedTest
    @ValueSource(strings = {"03-tokenizer-kills-jvm", "04-tokenizer-bombs"})
    void encode_knownFiles_areOneLine(String name) throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.list(Shared.path("cases/hostile/" + name + "/tok"))) {
            files = all.sorted().toList();
        }
        assertThat(files).isNotEmpty();
        for (Path file : files) {
            refused(file, "a".repeat(36) + "!", "");
        }
    }

    // Its input ends when its parent does, however that ended.
    @Test
    void child_atWorkWithoutEnd_endsWithItsInput() throws Exception {
        byte[] json = json(EXPANSION, "null", "null", MODEL).getBytes(StandardCharsets.UTF_8);
        Process child;
        try (var library = TokenizerFiles.unpack()) {
            child = TokenizerProcess.launch(library);
            assertThat(child.getInputStream().readNBytes(4)).containsOnly(0);
        }
        try (DataOutputStream out = new DataOutputStream(child.getOutputStream())) {
            out.writeInt(json.length);
            out.write(json);
            out.writeInt(8);
            out.writeBoolean(false);
            out.write("aaaaaaaa".getBytes(StandardCharsets.UTF_8));
        }
        assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
    }

    private void refused(String json, String message) throws IOException {
        refused(write(json), "aaaaaaaa", message);
    }

    private static void refused(Path file, String text, String message) {
        try (Tokenizer tokenizer = Tokenizer.at(file)) {
            assertThatThrownBy(
                            () -> tokenizer.begin(text, true, "the text of it").get())
                    .as(file.toString())
                    .isInstanceOf(CorpusException.class)
                    .hasMessageStartingWith(file + ": " + message)
                    .hasMessageNotContaining("\n");
        }
    }

    private Path write(String json) throws IOException {
        return Files.writeString(directory.resolve("tokenizer.json"), json);
    }

    private static String json(String normalizer, String preTokenizer, String postProcessor, String model) {
        return """
                {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": %s,
                 "pre_tokenizer": %s, "post_processor": %s, "decoder": null, "model": %s}""".formatted(normalizer, preTokenizer, postProcessor, model);
    }
}
