package io.github.steelyard.recipe;

import io.github.steelyard.corpus.DataOptions;
import io.github.steelyard.yaml.YamlFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/// A recipe: which quantizers a model gets, how they are calibrated, and what is written.
///
/// `metadata` and `quantize` follow ModelOpt's schema, the other sections are Steelyard's own; `docs/RECIPES.md` lists
/// every key.
///
/// @param file where it was read; a shipped one has a path that lies nowhere
/// @param type ModelOpt's `recipe_type`
/// @param description free text, empty if there is none
/// @param algorithms run in sequence; one in most recipes
/// @param rules applied top to bottom, the last match wins
/// @param calibration how statistics are taken
/// @param data what text they are taken on
/// @param export what is written
/// @param settings what was set over what the file says, in order; it is part of all the above
/// @param sources the files on disk that it was read from
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
        List<Setting> settings,
        List<Path> sources,
        String resolved) {

    public Recipe {
        algorithms = List.copyOf(algorithms);
        rules = List.copyOf(rules);
        settings = List.copyOf(settings);
        sources = List.copyOf(sources);
    }

    /// Reads a recipe file, or a directory of its sections, and what it imports.
    ///
    /// @throws RecipeException if it cannot be read or says something that no recipe may say
    public static Recipe read(Path file) {
        return RecipeLibrary.SHIPPED.read(file, List.of());
    }

    /// Reads a recipe from text.
    ///
    /// @param name what messages call it; imports are looked up beside it
    /// @throws RecipeException as [#read]
    public static Recipe parse(Path name, String text) {
        return parse(name, text, List.of());
    }

    /// Reads a recipe from text.
    ///
    /// @param name what messages call it; imports are looked up beside it
    /// @param settings what is set over what it says, in order
    /// @throws RecipeException as [#read]
    public static Recipe parse(Path name, String text, List<Setting> settings) {
        return RecipeLibrary.SHIPPED.parse(name, text, settings);
    }

    /// Returns the same with another format of the export.
    public Recipe exportedAs(ExportOptions.Format format) {
        return new Recipe(
                file,
                type,
                description,
                algorithms,
                rules,
                calibration,
                data,
                export.with(format),
                settings,
                sources,
                resolved);
    }

    /// Returns [#resolved] as YAML for people.
    public String yaml() {
        return ResolvedYaml.of(YamlFile.parse(file, resolved).document("a recipe"));
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
