package io.github.steelyard.recipe;

import io.github.steelyard.files.Printable;
import io.github.steelyard.yaml.Node.Entry;
import io.github.steelyard.yaml.Node.Mapping;
import io.github.steelyard.yaml.Node.Scalar;
import io.github.steelyard.yaml.Position;
import io.github.steelyard.yaml.YamlException;
import io.github.steelyard.yaml.YamlFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/// Where recipes, and the files that they import, are looked for, in this order.
///
/// - A recipe: the path itself; below each root; among the shipped recipes.
/// - An import: beside the importing file; beside the recipe; below each root; in the directories above the recipe;
///   among the shipped files.
///
/// Each as it is written and with `.yml` and `.yaml`. A recipe is a file, or a directory with `metadata.yml` and
/// `quantize.yml`. So a recipe in a checkout of ModelOpt's `modelopt_recipes` finds its units there, and a recipe of
/// the same form elsewhere finds those that ship with the program under the same names.
///
/// @param roots directories in which names are looked up, in order
public record RecipeLibrary(List<Path> roots) {

    /// What ships with the program, and no roots.
    public static final RecipeLibrary SHIPPED = new RecipeLibrary(List.of());

    private static final List<String> SUFFIXES = List.of("", ".yml", ".yaml");

    /// Where the paths of ModelOpt's library begin.
    private static final List<String> MODELOPT = List.of("configs/", "general/", "huggingface/");

    /// @throws RecipeException if a root is no directory: whatever is missing there would be looked for elsewhere
    public RecipeLibrary {
        roots = List.copyOf(roots);
        for (Path root : roots) {
            if (!Files.isDirectory(root)) {
                throw new RecipeException(
                        root,
                        "--recipe-path: wanted a directory, found %s"
                                .formatted(Files.exists(root) ? "a file" : "nothing"));
            }
        }
    }

    /// Returns the names of the shipped recipes, in alphabetical order.
    public static List<String> names() {
        return Shipped.recipes();
    }

    /// Reads a recipe.
    ///
    /// @param name a path, or a name below one of the roots, or that of a shipped recipe
    /// @param settings what is set over what it says, in order
    /// @throws RecipeException if there is none, if it cannot be read, or if it says something that no recipe may say
    public Recipe read(String name, List<Setting> settings) {
        return read(find(name), settings);
    }

    /// Returns the text of a recipe as it is written.
    ///
    /// @param name as in [#read]
    /// @throws RecipeException if there is none, if it cannot be read, or if it is a directory
    public String text(String name) {
        Path file = find(name);
        if (Shipped.has(file)) {
            return Shipped.text(file);
        }
        try {
            YamlFile.read(file, "a recipe"); // the checks of a file from outside
            return Files.readString(file);
        } catch (YamlException e) {
            throw new RecipeException(e);
        } catch (IOException e) {
            throw new RecipeException(file, "cannot be read: " + e.getMessage());
        }
    }

    Recipe read(Path file, List<Setting> settings) {
        try {
            boolean directory = Files.isDirectory(file);
            Imports imports = new Imports(this, directory ? file : parent(file));
            Mapping tree = directory ? sections(file, imports) : whole(open(file), imports);
            return RecipeReader.recipe(file, Setting.apply(settings, tree), settings, imports.sources());
        } catch (YamlException e) {
            throw new RecipeException(e);
        }
    }

    Recipe parse(Path name, String text, List<Setting> settings) {
        try {
            Imports imports = new Imports(this, parent(name));
            Mapping tree = whole(YamlFile.parse(name, text), imports);
            return RecipeReader.recipe(name, Setting.apply(settings, tree), settings, imports.sources());
        } catch (YamlException e) {
            throw new RecipeException(e);
        }
    }

    private static Mapping whole(YamlFile file, Imports imports) {
        RecipeReader.requireKnownType(file.document("a recipe")); // others import what has no meaning here
        return imports.expand(file, Place.ANY);
    }

    /// Returns the tree of a recipe whose sections are files of a directory.
    private static Mapping sections(Path directory, Imports imports) {
        Position at = new Position(directory, 1, 1);
        SequencedMap<String, Entry> sections = new LinkedHashMap<>();
        for (Place place : List.of(Place.METADATA, Place.QUANTIZE)) {
            Path file = section(directory, place.key())
                    .orElseThrow(() -> new RecipeException(
                            directory,
                            "a directory without %1$s.yml or %1$s.yaml is no recipe".formatted(place.key())));
            Mapping section = imports.expand(YamlFile.read(file, "a recipe"), place);
            sections.put(place.key(), new Entry(section.at(), section));
        }
        return new Mapping(at, sections);
    }

    private static Optional<Path> section(Path directory, String name) {
        return SUFFIXES.stream()
                .filter(suffix -> !suffix.isEmpty())
                .map(suffix -> directory.resolve(name + suffix))
                .filter(Files::isRegularFile)
                .findFirst();
    }

    private Path find(String name) {
        List<Path> bases = new ArrayList<>(List.of(Path.of("")));
        bases.addAll(roots);
        Optional<Path> found = bases.stream()
                .flatMap(base -> SUFFIXES.stream().map(suffix -> base.resolve(name + suffix)))
                .filter(RecipeLibrary::isRecipe)
                .findFirst();
        if (found.isPresent()) {
            return found.get();
        }
        Path file = Path.of(name);
        if (Shipped.recipes().contains(name)) {
            return Shipped.recipe(name);
        }
        if (Shipped.has(Shipped.ROOT.resolve(file))) {
            return Shipped.ROOT.resolve(file);
        }
        if (Files.exists(file) || Shipped.has(file) || file.getNameCount() > 1) {
            return file; // reading it tells what is wrong with it, if anything
        }
        throw new RecipeException(
                file,
                "no such recipe%s; shipped are %s"
                        .formatted(
                                roots.isEmpty() ? "" : ", nor one of that name under " + roots,
                                String.join(", ", Shipped.recipes())));
    }

    private static boolean isRecipe(Path path) {
        return Files.isDirectory(path) ? section(path, Place.METADATA.key()).isPresent() : Files.isRegularFile(path);
    }

    static YamlFile open(Path file) {
        return Shipped.has(file) ? Shipped.file(file) : YamlFile.read(file, "a recipe");
    }

    /// Returns the file that an import stands for.
    ///
    /// @param importer the file that imports it
    /// @param home the directory of the recipe
    Path imported(Scalar path, Path importer, Path home) {
        List<Path> bases = new ArrayList<>(List.of(parent(importer), home));
        bases.addAll(roots);
        for (Path above = home.toAbsolutePath().normalize().getParent(); above != null; above = above.getParent()) {
            bases.add(above);
        }
        bases.add(Shipped.ROOT);
        try {
            return bases.stream()
                    .flatMap(base -> SUFFIXES.stream().map(suffix -> base.resolve(path.text() + suffix)))
                    .filter(file -> Files.isRegularFile(file) || Shipped.has(file))
                    .findFirst()
                    .orElseThrow(() -> new RecipeException(path.at(), notFound(path.text())));
        } catch (InvalidPathException e) {
            throw new RecipeException(path.at(), "not a path: '%s'".formatted(Printable.brief(path.text())));
        }
    }

    private String notFound(String path) {
        String text = Printable.brief(path);
        return MODELOPT.stream().anyMatch(path::startsWith)
                ? ("import not found: '%s' is neither beside the recipe or above it, nor among the shipped files; if"
                                + " ModelOpt has it, give the modelopt_recipes of a checkout as --recipe-path")
                        .formatted(text)
                : "import not found: no file '%s' (nor with .yml or .yaml) beside this file, beside the recipe%s"
                        .formatted(text, roots.isEmpty() ? " or above it" : ", above it or under --recipe-path");
    }

    private static Path parent(Path file) {
        return file.resolveSibling("");
    }
}
