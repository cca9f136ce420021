package io.github.steelyard.recipe;

import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.yaml.YamlException;
import io.github.steelyard.yaml.YamlFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Supplier;

/// A recipe: which quantizers a model gets, how they are calibrated, and what is written.
///
/// `metadata` and `quantize` follow ModelOpt's schema, the other sections are Steelyard's own; `docs/RECIPES.md` lists
/// every key.
///
/// @param file where it was read
/// @param type ModelOpt's `recipe_type`
/// @param description free text, empty if there is none
/// @param algorithms run in sequence; one in most recipes
/// @param rules applied top to bottom, the last match wins
/// @param calibration how statistics are taken
/// @param data what text they are taken on
/// @param export what is written
/// @param resolved the whole recipe as JSON with its imports filled in; the same for two files that say the same
public record Recipe(
        Path file,
        String type,
        String description,
        List<Algorithm> algorithms,
        List<Rule> rules,
        CalibrationOptions calibration,
        DataOptions data,
        ExportOptions export,
        String resolved) {

    public Recipe {
        algorithms = List.copyOf(algorithms);
        rules = List.copyOf(rules);
    }

    /// Reads a recipe file and what it imports.
    ///
    /// @throws RecipeException if it cannot be read or says something that no recipe may say
    public static Recipe read(Path file) {
        return read(() -> YamlFile.read(file, "a recipe"));
    }

    /// Reads a recipe from text.
    ///
    /// @param name what messages call it; imports are looked up beside it
    /// @throws RecipeException as [#read]
    public static Recipe parse(Path name, String text) {
        return read(() -> YamlFile.parse(name, text));
    }

    private static Recipe read(Supplier<YamlFile> file) {
        try {
            return RecipeReader.recipe(file.get());
        } catch (YamlException e) {
            throw new RecipeException(e);
        }
    }

    /// Returns the SHA-256 of [#resolved] in hexadecimal digits.
    public String digest() {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(resolved.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
