package io.github.steelyard.yaml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.yaml.Node.Mapping;
import io.github.steelyard.yaml.Node.Scalar;
import io.github.steelyard.yaml.Node.ScalarType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(10)
final class YamlFileTest {

    private static final Path NAME = Path.of("r.yaml");

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource({
        "1, INTEGER",
        "-1, INTEGER",
        "1.5, NUMBER",
        "true, FLAG",
        "off, FLAG",
        "~, NULL",
        "null, NULL",
        "e4m3, TEXT",
        "'''1''', TEXT",
        "nn.Linear, TEXT",
    })
    void parse_plainScalar_hasTheTypeOfYaml11(String text, ScalarType type) {
        Node value = entry(YamlFile.parse(NAME, "a: " + text), "a");

        assertThat(((Scalar) value).type()).isEqualTo(type);
    }

    @Test
    void parse_positions_countFromOne() {
        Node value = entry(YamlFile.parse(NAME, "a: 1\nb:   two\n"), "b");

        assertThat(value.at()).isEqualTo(new Position(NAME, 2, 6));
    }

    @Test
    void parse_alias_repeatsItsAnchor() {
        Node value = entry(YamlFile.parse(NAME, "a: &x {k: 1}\nb: *x\n"), "b");

        assertThat(value).hasToString("{k: 1}");
    }

    @Test
    void parse_aliasBomb_isRefused() {
        StringBuilder bomb = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 30; i++) {
            bomb.append(
                    "a%d: &a%d [%s]\n".formatted(i, i, "*a%d, ".formatted(i - 1).repeat(9) + "*a" + (i - 1)));
        }

        refused(bomb.toString(), "r.yaml:5:", "more than 100000 values, aliases expanded");
    }

    @Test
    void parse_aliasInsideItsAnchor_isRefused() {
        refused("a: &a [*a]\n", "r.yaml:1:8:", "alias 'a' names no complete node before it");
    }

    @Test
    void parse_deepNesting_isRefused() {
        refused("[".repeat(100_000), "r.yaml:1:", "nested deeper than 64 levels");
        refused("{a: ".repeat(100_000), "r.yaml:1:", "nested deeper than 64 levels");
    }

    @Test
    void parse_repeatedKey_namesBothLines() {
        refused("a: 1\nb: 2\na: 3\n", "r.yaml:3:1: key 'a' repeats; first at line 1");
    }

    @Test
    void parse_tag_isRefused() {
        refused("a: !!python/object:os.system x\n", "r.yaml:1:4:", "tag");
        refused("a: !x {}\n", "r.yaml:1:4:", "tag '!x' is not supported");
    }

    @Test
    void parse_mergeKey_isRefused() {
        refused("a: &a {x: 1}\nb:\n  <<: *a\n", "r.yaml:3:3: merge keys '<<' are not supported; use $import");
    }

    @Test
    void parse_listAsKey_isRefused() {
        refused("? [a, b]\n: 1\n", "r.yaml:1:3: a key must be a name, found a list");
    }

    @Test
    void parse_brokenYaml_namesThePlace() {
        refused("a: [1, 2\nb: 3\n", "r.yaml:2:2: not YAML: ");
        refused("a: 'open\n", "r.yaml:", "not YAML: ");
        refused("a: \u0007\n", "r.yaml:", "not YAML: ");
        refused("\tb: 1\n", "r.yaml:1:1: not YAML: ");
    }

    @Test
    void read_notUtf8_namesLineAndOffset() throws IOException {
        Path file = directory.resolve("latin.yaml");
        Files.write(file, "a: 1\nb: caf\u00e9\n".getBytes(StandardCharsets.ISO_8859_1));

        assertThatThrownBy(() -> YamlFile.read(file, "a recipe"))
                .isInstanceOf(YamlException.class)
                .hasMessage(file + ":2:1: not UTF-8: bad byte at offset 11");
    }

    @Test
    void read_byteOrderMark_isSkipped() throws IOException {
        Path file = Files.writeString(directory.resolve("bom.yaml"), "\uFEFFa: 1\n");

        assertThat(entry(YamlFile.read(file, "a recipe"), "a")).hasToString("1");
    }

    @Test
    void read_hugeFile_isRefused() throws IOException {
        Path file = Files.write(directory.resolve("huge.yaml"), new byte[YamlFile.MAX_BYTES + 1]);

        assertThatThrownBy(() -> YamlFile.read(file, "a recipe"))
                .isInstanceOf(YamlException.class)
                .hasMessage(file + ": larger than the 1048576 bytes a recipe may have");
    }

    @Test
    void read_noRegularFile_isRefused() {
        assertThatThrownBy(() -> YamlFile.read(directory, "a recipe"))
                .hasMessage(directory + ": not a regular file: a directory");
        assertThatThrownBy(() -> YamlFile.read(Path.of("/dev/zero"), "a recipe"))
                .hasMessage("/dev/zero: not a regular file: a special file");
        assertThatThrownBy(() -> YamlFile.read(directory.resolve("none"), "a recipe"))
                .hasMessageEndingWith(": not found");
    }

    private static Node entry(YamlFile file, String key) {
        return ((Mapping) file.documents().getFirst()).entries().get(key).value();
    }

    private static void refused(String yaml, String... parts) {
        assertThatThrownBy(() -> YamlFile.parse(NAME, yaml))
                .isInstanceOf(YamlException.class)
                .hasMessageContainingAll(parts)
                .hasMessageNotContaining("\n");
    }
}
