package io.github.steelyard.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.format.Format;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(10)
final class ImportsTest {

    private static final String LIST = "# modelopt-schema: modelopt.torch.quantization.config.QuantizerCfgListConfig\n";
    private static final String ENTRY = "# modelopt-schema: modelopt.torch.quantization.config.QuantizerCfgEntry\n";
    private static final String ATTRIBUTES =
            "# modelopt-schema: modelopt.torch.quantization.config.QuantizerAttributeConfig\n";

    @TempDir
    private Path directory;

    @Test
    void expand_namesInAList_mergeInOrderAndInlineKeysWin() throws IOException {
        write("first.yaml", ATTRIBUTES + "num_bits: e2m1\naxis: 1\n");
        write("second.yml", ATTRIBUTES + "axis: 0\n");

        Recipe recipe = recipe(
                "{a: first, b: second.yml}", "- quantizer_name: '*'\n      cfg: {num_bits: e4m3, $import: [a, b]}");

        assertThat(recipe.rules().getFirst().stages().getFirst().format()).contains(Format.FP8_PER_CHANNEL);
    }

    @Test
    void expand_pathBesideImporter_isFoundFirst() throws IOException {
        write("sub/list.yaml", LIST + "imports: {n: leaf}\n---\n- {quantizer_name: 'x', cfg: {$import: n}}\n");
        write("sub/leaf.yaml", ATTRIBUTES + "num_bits: e2m1\n");
        write("leaf.yaml", ATTRIBUTES + "num_bits: e4m3\n");

        Recipe recipe = recipe("{l: sub/list}", "- $import: l");

        assertThat(recipe.rules().getFirst().stages().getFirst()).hasToString("num_bits: e2m1");
        assertThat(recipe.rules().getFirst().at().file()).isEqualTo(directory.resolve("sub/list.yaml"));
    }

    @Test
    void expand_snippetWithoutSchema_isRefused() throws IOException {
        Path file = write("plain.yaml", "num_bits: e4m3\n");

        refused("{p: plain}", "- {quantizer_name: x, cfg: {$import: p}}", file + ": an imported file begins with");
    }

    @Test
    void expand_wrongSchema_isRefused() throws IOException {
        write("entry.yaml", ENTRY + "quantizer_name: '*'\nenable: false\n");
        write("attributes.yaml", ATTRIBUTES + "num_bits: e4m3\n");

        refused("{e: entry}", "- {quantizer_name: x, cfg: {$import: e}}", "here belongs a QuantizerAttributeConfig");
        refused("{a: attributes}", "- $import: a", "does not fit a list of QuantizerCfgEntry");
    }

    @Test
    void expand_listInMapping_isRefused() throws IOException {
        write("list.yaml", LIST + "- {quantizer_name: '*', enable: false}\n");

        refused("{l: list}", "- {quantizer_name: x, cfg: {$import: l}}", "only a mapping merges into a mapping");
    }

    @Test
    void expand_doublingImports_areBounded() throws IOException {
        write("s0.yaml", LIST + "- {quantizer_name: '*', enable: false}\n");
        for (int i = 1; i < 40; i++) {
            write(
                    "s%d.yaml".formatted(i),
                    LIST + "imports: {p: s%d}\n---\n- $import: p\n- $import: p\n".formatted(i - 1));
        }

        refused("{s: s39}", "- $import: s", "imports expand to more than 100000 values");
    }

    @Test
    void expand_longWayRound_isACycle() throws IOException {
        write("a.yaml", LIST + "imports: {n: ./b}\n---\n- $import: n\n");
        write("b.yaml", LIST + "imports: {n: ../%s/a.yaml}\n---\n- $import: n\n".formatted(directory.getFileName()));

        refused(
                "{a: a}",
                "- $import: a",
                "b.yaml:2:14: import cycle: '../%s/a.yaml'".formatted(directory.getFileName()));
    }

    @Test
    void expand_importThatIsNotUsed_mustBeThere() {
        refused("{a: nowhere}", "- {quantizer_name: '*', enable: false}", "import not found: no file 'nowhere'");
    }

    @Test
    void expand_severalSchemas_areRefused() throws IOException {
        Path file = write("twice.yaml", ATTRIBUTES + ENTRY + "num_bits: e4m3\n");

        refused("{t: twice}", "- {quantizer_name: x, cfg: {$import: t}}", file + ": declares several schemas, ");
    }

    @Test
    void expand_longChain_isBounded() throws IOException {
        write("s0.yaml", LIST + "- {quantizer_name: '*', enable: false}\n");
        for (int i = 1; i < 80; i++) {
            write("s%d.yaml".formatted(i), LIST + "imports: {p: s%d}\n---\n- $import: p\n".formatted(i - 1));
        }

        refused("{s: s79}", "- $import: s", "imports nest deeper than 64 files");
    }

    private Path write(String name, String text) throws IOException {
        Path file = directory.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    private Recipe recipe(String imports, String rules) throws IOException {
        return Recipe.read(write(
                "recipe.yaml",
                "imports: %s\nmetadata: {recipe_type: ptq}\nquantize:\n  quant_cfg:\n    %s\n"
                        .formatted(imports, rules)));
    }

    private void refused(String imports, String rules, String part) {
        assertThatThrownBy(() -> recipe(imports, rules))
                .isInstanceOf(RecipeException.class)
                .hasMessageContaining(part);
    }
}
