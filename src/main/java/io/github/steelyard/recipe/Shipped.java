package io.github.steelyard.recipe;

import io.github.steelyard.files.ShippedFiles;
import io.github.steelyard.yaml.YamlFile;
import java.io.File;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// Recipes, and what they import, that ship with the program. Each has a path below [#ROOT], which lies nowhere: it is
/// what messages call the file, and names it where a path is asked for.
final class Shipped {

    /// What paths of shipped files begin with.
    static final Path ROOT = Path.of("(shipped)");

    private static final String RECIPES = "configs/recipes/";
    private static final String SUFFIX = ".yaml";

    /// The texts by name, read once they are asked for.
    private static final class Texts {
        private static final SortedMap<String, String> ALL = new TreeMap<>();

        static {
            for (String folder : List.of(RECIPES, "configs/numerics/", "configs/ptq/")) {
                ALL.putAll(ShippedFiles.in(folder, SUFFIX));
            }
        }
    }

    private Shipped() {}

    /// Returns whether the path is that of a shipped file.
    static boolean has(Path file) {
        return file.startsWith(ROOT) && Texts.ALL.containsKey(name(file));
    }

    /// Returns the file with this path.
    static YamlFile file(Path file) {
        return YamlFile.parse(
                file, Optional.ofNullable(Texts.ALL.get(name(file))).orElseThrow());
    }

    /// Returns the text of the file with this path.
    static String text(Path file) {
        return Optional.ofNullable(Texts.ALL.get(name(file))).orElseThrow();
    }

    /// Returns the path of the recipe with this name.
    static Path recipe(String name) {
        return ROOT.resolve(RECIPES + name + SUFFIX);
    }

    /// Returns the names of the recipes.
    static List<String> recipes() {
        return Texts.ALL.keySet().stream()
                .filter(name -> name.startsWith(RECIPES))
                .map(name -> name.substring(RECIPES.length(), name.length() - SUFFIX.length()))
                .sorted()
                .toList();
    }

    private static String name(Path file) {
        return ROOT.relativize(file.normalize()).toString().replace(File.separatorChar, '/');
    }
}
