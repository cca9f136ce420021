package io.github.steelyard.blueprint;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.FileProblem;
import io.github.steelyard.files.ShippedFiles;
import io.github.steelyard.yaml.YamlException;
import io.github.steelyard.yaml.YamlFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/// The model families that are declared by files: `configs/models/*.yaml`, which ship with the program, and those of
/// the
/// directory that the system property `steelyard.models` names; the launcher sets it from `STEELYARD_MODELS`.
public final class Blueprints {

    private static final String FOLDER = "configs/models/";
    private static final String SUFFIX = ".yaml";
    private static final String DIRECTORY = "steelyard.models";

    private static final class Shipped {
        private static final SortedMap<String, Blueprint> BY_TYPE =
                Blueprint.byType(ShippedFiles.in(FOLDER, SUFFIX).entrySet().stream()
                        .map(file -> BlueprintReader.read(Path.of(file.getKey()), file.getValue()))
                        .toList());
    }

    private Blueprints() {}

    /// Returns the families that ship with the program, by `model_type`.
    public static SortedMap<String, Blueprint> shipped() {
        return Shipped.BY_TYPE;
    }

    /// Returns the families of the user's directory, by `model_type`; none where none is named.
    ///
    /// @throws CheckpointException if it cannot be read, or one of its files is no family
    public static SortedMap<String, Blueprint> ofTheUser() {
        String directory = System.getProperty(DIRECTORY, "");
        if (directory.isEmpty()) {
            return new TreeMap<>();
        }
        try {
            return in(Path.of(directory));
        } catch (YamlException e) {
            String message = String.valueOf(e.getMessage());
            String problem = message.substring(message.indexOf(": ") + 2);
            throw new CheckpointException(
                    e.path(),
                    e.line() == 0 ? problem : String.format(Locale.ROOT, "line %d: %s", e.line(), problem),
                    e);
        }
    }

    /// Reads the `*.yaml` of a directory: families by `model_type`.
    ///
    /// @throws YamlException if one of them is none, or two speak of one type
    public static SortedMap<String, Blueprint> in(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return Blueprint.byType(files.filter(file -> file.toString().endsWith(SUFFIX))
                    .sorted()
                    .map(Blueprints::read)
                    .toList());
        } catch (IOException e) {
            throw new YamlException(directory, "cannot be listed: " + FileProblem.reason(directory, e));
        } catch (IllegalArgumentException e) {
            throw new YamlException(directory, String.valueOf(e.getMessage()));
        }
    }

    private static Blueprint read(Path file) {
        YamlFile.read(file, "a model family"); // its bounds
        try {
            return BlueprintReader.read(file, Files.readString(file));
        } catch (IOException e) {
            throw new YamlException(file, "cannot be read: " + FileProblem.reason(file, e));
        }
    }
}
