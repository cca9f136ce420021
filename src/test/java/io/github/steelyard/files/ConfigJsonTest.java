package io.github.steelyard.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ConfigJsonTest {

    @TempDir
    Path folder;

    @Test
    void values_ofTheRightType_areGiven() throws IOException {
        ConfigJson json = read("""
                {"n": 7, "x": 0.5, "i": 3, "s": "text", "t": true, "none": null,
                 "o": {"k": [1, 2]}, "names": ["a", "b"], "limits": [0.0, Infinity]}""");
        assertThat(json.integer("n", 0, 7)).isEqualTo(7);
        assertThat(json.number("x")).isEqualTo(0.5);
        assertThat(json.number("i")).isEqualTo(3);
        assertThat(json.string("s")).isEqualTo("text");
        assertThat(json.flag("t", false)).isTrue();
        assertThat(json.strings("names")).containsExactly("a", "b");
        assertThat(json.numbers("limits")).containsExactly(0.0, Double.POSITIVE_INFINITY);
        assertThat(json.object("o").orElseThrow().integers("k")).containsExactly(1, 2);
        assertThat(json.keys()).startsWith("i", "limits", "n", "names", "none");
    }

    @Test
    void values_absentOrNull_areTheDefault() throws IOException {
        ConfigJson json = read("{\"none\": null}");
        assertThat(json.has("none")).isFalse();
        assertThat(json.isNull("none")).isTrue();
        assertThat(json.isNull("other")).isFalse();
        assertThat(json.integerOr("none", 4, 0, 1)).isEqualTo(4);
        assertThat(json.numberOr("other", 0.25)).isEqualTo(0.25);
        assertThat(json.stringOr("none", "d")).isEqualTo("d");
        assertThat(json.flag("none", true)).isTrue();
        assertThat(json.strings("none")).isEmpty();
        assertThat(json.object("none")).isEmpty();
        rejected("{}", config -> config.integer("k", 0, 1), "k: wanted a value, found nothing");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"32\"       | wanted an integer, found \"32\"",
                "32.0         | wanted an integer, found 32.0",
                "true         | wanted an integer, found true",
                "[32]         | wanted an integer, found an array",
                "-32          | wanted an integer in 1..64, found -32",
                "65           | wanted an integer in 1..64, found 65",
                "4294967328   | wanted an integer in 1..64, found 4294967328",
                "99999999999999999999999 | wanted an integer in 1..64, found 99999999999999999999999",
                "NaN          | wanted an integer, found",
            })
    void integer_ofWrongTypeOrRange_isRejected(String value, String complaint) throws IOException {
        rejected(
                "{\"hidden_size\":%s}".formatted(value),
                json -> json.integer("hidden_size", 1, 64),
                "hidden_size: " + complaint);
    }

    @ParameterizedTest
    @CsvSource({"NaN", "Infinity", "-Infinity", "1e999", "'\"1\"'", "{}"})
    void number_notFinite_isRejected(String value) throws IOException {
        rejected("{\"eps\":%s}".formatted(value), json -> json.number("eps"), "eps: wanted a");
    }

    @Test
    void others_ofWrongType_areRejectedWithTheFullKey() throws IOException {
        rejected(
                "{\"a\":{\"b\":3}}", json -> json.object("a").orElseThrow().string("b"), "a.b: wanted a text, found 3");
        rejected("{\"b\":\"yes\"}", json -> json.flag("b", false), "b: wanted true or false, found \"yes\"");
        rejected("{\"b\":[]}", json -> json.object("b"), "b: wanted an object, found an array");
        rejected("{\"b\":[1,\"x\"]}", json -> json.integers("b"), "b: wanted an integer, found \"x\"");
        rejected("{\"b\":[NaN]}", json -> json.numbers("b"), "b: wanted a number, found");
        rejected("{\"b\":{}}", json -> json.strings("b"), "b: wanted an array of texts, found an object");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"a\":1,\"a\":2}          | duplicate key 'a'",
                "{\"o\":{\"a\":1,\"a\":1}}  | duplicate key 'a'",
                "{\"a\":1} x                | invalid JSON",
                "{\"a\":1}{}                | trailing data",
                "{\"a\":                    | invalid JSON",
                "[]                         | not a JSON object",
                "root:x:0:0                 | invalid JSON",
                "{'a':1}                    | invalid JSON",
            })
    void read_badDocument_isRejectedWithoutQuotingIt(String text, String complaint) throws IOException {
        Path file = Files.writeString(folder.resolve("c.json"), text);
        assertThatThrownBy(() -> ConfigJson.read(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file + ": " + complaint)
                .hasMessageNotContaining("root");
    }

    @Test
    void read_emptyFile_isRejected() throws IOException {
        Path file = Files.createFile(folder.resolve("c.json"));
        assertThatThrownBy(() -> ConfigJson.read(file)).hasMessage("%s: empty file, wanted a JSON object", file);
    }

    @Test
    void read_invalidUtf8_isRejected() throws IOException {
        Path file = Files.write(folder.resolve("c.json"), "{\"ä\":1}".getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> ConfigJson.read(file)).hasMessage("%s: not valid UTF-8", file);
    }

    @Test
    @Timeout(20)
    void read_hostileSizes_areRejectedInBoundedTimeAndMemory() throws IOException {
        Path file = folder.resolve("c.json");
        Files.writeString(file, "{\"a\":" + "[".repeat(1_000_000));
        assertThatThrownBy(() -> ConfigJson.read(file)).hasMessageContaining("nested too deeply");
        Files.writeString(file, "{\"a\":[" + "[],".repeat(2_000_000) + "[]]}");
        assertThatThrownBy(() -> ConfigJson.read(file)).hasMessageContaining("too many parts");
        Files.writeString(file, "{\"a\":" + "9".repeat(1_000_000) + "}");
        assertThatThrownBy(() -> ConfigJson.read(file)).hasMessageContaining("too long");
        Files.write(file, new byte[(64 << 20) + 1]);
        assertThatThrownBy(() -> ConfigJson.read(file)).hasMessageContaining("more than the limit");
    }

    @Test
    void copy_changed_leavesTheOriginal() throws IOException {
        ConfigJson json = read("{\"a\":1}");
        json.copy().put("a", 2);
        assertThat(json.integer("a", 0, 9)).isEqualTo(1);
    }

    private ConfigJson read(String text) throws IOException {
        return ConfigJson.read(Files.writeString(folder.resolve("config.json"), text));
    }

    private void rejected(String text, Consumer<ConfigJson> use, String complaint) throws IOException {
        ConfigJson json = read(text);
        assertThatThrownBy(() -> use.accept(json))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(json.file() + ": " + complaint);
    }
}
