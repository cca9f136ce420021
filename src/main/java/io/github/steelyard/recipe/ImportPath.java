package io.github.steelyard.recipe;

import io.github.steelyard.files.Printable;
import io.github.steelyard.yaml.Node.Scalar;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;

/// Where the files are that a recipe imports.
final class ImportPath {

    /// Where the paths of ModelOpt's built-in units, presets and recipes begin.
    private static final List<String> LIBRARY = List.of("configs/", "general/", "huggingface/");

    private ImportPath() {}

    /// Returns the file that a path stands for: beside the importing file, else beside the recipe.
    static Path find(Scalar path, Path importer, Path recipe) {
        try {
            for (Path base : List.of(importer, recipe)) {
                for (String suffix : List.of("", ".yml", ".yaml")) {
                    Path candidate = base.resolveSibling(path.text() + suffix);
                    if (Files.isRegularFile(candidate)) {
                        return candidate;
                    }
                }
            }
        } catch (InvalidPathException e) {
            throw new RecipeException(path.at(), "not a path: '%s'".formatted(Printable.brief(path.text())));
        }
        throw new RecipeException(path.at(), notFound(path.text(), importer.equals(recipe)));
    }

    /// Returns a path that is equal for equal files.
    static Path identity(Path file) {
        return file.toAbsolutePath().normalize();
    }

    private static String notFound(String path, boolean byRecipe) {
        String text = Printable.brief(path);
        return LIBRARY.stream().anyMatch(path::startsWith)
                ? ("import not found: '%s' is of ModelOpt's built-in library, which is not included; write what it stands"
                                + " for in its place, as configs/recipes do, or give a file of that name")
                        .formatted(text)
                : "import not found: no file '%s' (nor with .yml or .yaml) beside %s"
                        .formatted(text, byRecipe ? "the recipe" : "this file or the recipe");
    }
}
