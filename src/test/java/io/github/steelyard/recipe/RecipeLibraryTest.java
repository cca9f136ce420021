package io.github.steelyard.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.quant.QuantizerConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Where recipes and what they import are looked for.
final class RecipeLibraryTest {

    private static final String ATTRIBUTES =
            "# modelopt-schema: modelopt.torch.quantization.config.QuantizerAttributeConfig\n";
    private static final String RULE = "quant_cfg: [{quantizer_name: '*', cfg: {$import: n}}]";

    @TempDir
    private Path directory;

    @Test
    void read_nameOfAShippedRecipe_isTheFile() {
        Recipe shipped = read("nvfp4-experts");
        Recipe file = Recipe.read(Path.of("configs/recipes/nvfp4-experts.yaml"));

        assertThat(shipped.digest()).isEqualTo(file.digest());
        assertThat(shipped.file())
                .hasToString(
                        Path.of("(shipped)/configs/recipes/nvfp4-experts.yaml").toString());
        assertThat(shipped.sources()).isEmpty();
        assertThat(read(shipped.file().toString()).digest()).isEqualTo(file.digest());
        assertThat(file.sources()).containsExactly(file.file());
    }

    @Test
    void names_areTheFilesOfTheFolder() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("configs/recipes"))) {
            assertThat(RecipeLibrary.names())
                    .containsExactlyElementsOf(
                            files.map(file -> file.getFileName().toString())
                                    .map(name -> name.substring(0, name.length() - ".yaml".length()))
                                    .sorted()
                                    .toList());
        }
    }

    @Test
    void root_thatIsNoDirectory_isRefused() {
        for (Path root : List.of(directory.resolve("none"), Path.of("pom.xml"))) {
            assertThatThrownBy(() -> new RecipeLibrary(List.of(root)))
                    .isInstanceOf(RecipeException.class)
                    .hasMessageStartingWith(root + ": --recipe-path: wanted a directory, found ");
        }
    }

    @Test
    void read_unknownName_listsWhatShips() {
        assertThatThrownBy(() -> read("nvfp5-experts"))
                .isInstanceOf(RecipeException.class)
                .hasMessageStartingWith("nvfp5-experts: no such recipe; shipped are as-stored, deepseek-v3, ");
    }

    // A recipe as ModelOpt ships them, alone in a directory.
    @Test
    void imports_ofModelOptsLibrary_areShipped() throws IOException {
        Recipe recipe = Recipe.read(write("recipe.yaml", """
                imports:
                  off: configs/ptq/units/base_disable_all
                  experts: configs/ptq/units/experts_nvfp4
                  cache: configs/ptq/units/kv_fp8_cast
                  default: configs/ptq/units/default_disabled_quantizers
                metadata: {recipe_type: ptq}
                quantize:
                  algorithm: max
                  quant_cfg: [{$import: off}, {$import: experts}, {$import: cache}, {$import: default}]
                """));

        assertThat(recipe.rules()).hasSize(1 + 2 + 1 + 23);
        assertThat(recipe.rules().get(1).text())
                .isEqualTo("*.experts.*weight_quantizer: on, [num_bits: e2m1, block_sizes: {-1: 16, type: dynamic,"
                        + " scale_bits: e4m3}, effective_bits: 4.5]");
        assertThat(recipe.rules().get(3).text())
                .isEqualTo("*[kv]_bmm_quantizer: on, [num_bits: e4m3, use_constant_amax: true]");
        assertThat(recipe.rules().get(1).at().file())
                .isEqualTo(Path.of("(shipped)/configs/ptq/units/experts_nvfp4.yaml"));
        assertThat(recipe.sources()).containsExactly(directory.resolve("recipe.yaml"));
    }

    // Every shipped file of the library is one that a recipe can import in the place that its schema names.
    @Test
    void library_everyFile_fitsItsPlace() throws IOException {
        List<Path> files = new ArrayList<>();
        for (String folder : List.of("configs/numerics", "configs/ptq")) {
            try (Stream<Path> found = Files.walk(Path.of(folder))) {
                found.filter(file -> file.toString().endsWith(".yaml")).forEach(files::add);
            }
        }
        assertThat(files).hasSizeGreaterThan(70).allSatisfy(file -> {
            String name = file.toString().replace(".yaml", "");
            String schema = Files.readAllLines(file).stream()
                    .filter(line -> line.startsWith("# modelopt-schema: modelopt.torch.quantization.config."))
                    .map(line -> line.substring(line.lastIndexOf('.') + 1))
                    .findFirst()
                    .orElseThrow();
            String body = switch (schema) {
                case "QuantizerAttributeConfig" -> RULE;
                case "QuantizerCfgEntry", "QuantizerCfgListConfig" -> "quant_cfg: [{$import: n}]";
                case "QuantizeConfig" -> "$import: n";
                default -> throw new AssertionError(schema);
            };
            assertThat(Files.readString(file)).startsWith("# ");
            assertThat(Recipe.read(write("r.yaml", recipe(name, body))).rules())
                    .as(name)
                    .isNotEmpty();
        });
    }

    @Test
    void import_inACheckout_isFoundAboveTheRecipe() throws IOException {
        write("configs/numerics/fp8.yml", ATTRIBUTES + "num_bits: e4m3\naxis: 0\n");
        Path recipe = write("general/ptq/recipe.yaml", recipe("configs/numerics/fp8", RULE));

        assertThat(stage(Recipe.read(recipe))).hasToString("num_bits: e4m3, axis: 0");
    }

    @ParameterizedTest
    @CsvSource({
        "beside/units/n.yaml home/units/n.yaml root/units/n.yaml units/n.yaml, 1",
        "home/units/n.yaml root/units/n.yaml units/n.yaml, 1",
        "root/units/n.yaml units/n.yaml, 1",
        "units/n.yaml, 1",
    })
    void import_severalPlaces_theFirstCounts(String files, int first) throws IOException {
        int axis = first;
        for (String file : files.split(" ", -1)) {
            write(file, ATTRIBUTES + "num_bits: e4m3\naxis: %d\n".formatted(axis++));
        }
        write("beside/list.yaml", """
                # modelopt-schema: modelopt.torch.quantization.config.QuantizerCfgListConfig
                imports: {n: units/n}
                ---
                - {quantizer_name: '*', cfg: {$import: n}}
                """);
        Path recipe = write(
                "home/recipe.yaml", recipe(directory.resolve("beside/list").toString(), "quant_cfg: [{$import: n}]"));

        Path root = Files.createDirectories(directory.resolve("root"));

        Recipe read = new RecipeLibrary(List.of(root)).read(recipe.toString(), List.of());

        assertThat(stage(read)).hasToString("num_bits: e4m3, axis: 1");
    }

    @Test
    void read_nameBelowARoot_isFoundBeforeWhatShips() throws IOException {
        write("root/general/ptq/mine.yml", recipe("configs/numerics/fp8", RULE));
        write("root/nvfp4.yaml", recipe("configs/numerics/int8", RULE));
        RecipeLibrary library = new RecipeLibrary(List.of(directory.resolve("root")));

        assertThat(stage(library.read("general/ptq/mine", List.of()))).hasToString("num_bits: e4m3");
        assertThat(stage(library.read("nvfp4", List.of()))).hasToString("num_bits: 8");
    }

    @Test
    void read_directory_isItsSections() throws IOException {
        write("mine/metadata.yml", "recipe_type: ptq\ndescription: two files\n");
        write("mine/quantize.yaml", "imports: {n: numerics/own}\nalgorithm: max\n" + RULE + "\n");
        write("mine/numerics/own.yaml", ATTRIBUTES + "num_bits: e4m3\n");

        Recipe recipe = Recipe.read(directory.resolve("mine"));

        assertThat(recipe.description()).isEqualTo("two files");
        assertThat(stage(recipe)).hasToString("num_bits: e4m3");
        assertThat(recipe.sources()).hasSize(3);
        assertThat(recipe.rules().getFirst().at().file()).isEqualTo(directory.resolve("mine/quantize.yaml"));
    }

    @Test
    void read_directoryWithoutSections_isRefused() throws IOException {
        write("mine/metadata.yml", "recipe_type: ptq\n");
        Files.createDirectory(directory.resolve("empty"));

        assertThatThrownBy(() -> Recipe.read(directory.resolve("mine")))
                .isInstanceOf(RecipeException.class)
                .hasMessage(
                        directory.resolve("mine") + ": a directory without quantize.yml or quantize.yaml is no recipe");
        assertThatThrownBy(() -> read(directory.resolve("empty").toString()))
                .isInstanceOf(RecipeException.class)
                .hasMessageContaining("metadata.yml");
    }

    @Test
    void read_otherKindOfRecipe_isRefusedBeforeItsImports() throws IOException {
        Path recipe = write(
                "search.yaml", "imports: {a: nowhere}\nmetadata: {recipe_type: auto_quantize}\nauto_quantize: {}\n");

        assertThatThrownBy(() -> Recipe.read(recipe))
                .isInstanceOf(RecipeException.class)
                .hasMessageContaining("'auto_quantize' is not supported");
    }

    private static Recipe read(String name) {
        return RecipeLibrary.SHIPPED.read(name, List.of());
    }

    private static QuantizerConfig stage(Recipe recipe) {
        return recipe.rules().getFirst().stages().getFirst();
    }

    private static String recipe(String imported, String quantize) {
        return "imports: {n: %s}\nmetadata: {recipe_type: ptq}\nquantize:\n  %s\n".formatted(imported, quantize);
    }

    private Path write(String name, String text) throws IOException {
        Path file = directory.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }
}
