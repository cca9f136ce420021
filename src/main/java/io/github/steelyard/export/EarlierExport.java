package io.github.steelyard.export;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.OutputDirectory;
import io.github.steelyard.files.OutputException;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.files.Printable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/// An export that lies where another is to be written. The same one need not be written again; another one is never
/// replaced.
public final class EarlierExport {

    private static final String INPUTS = "inputs";
    private static final int MOST_NAMES = 3;

    private final Path directory;

    private EarlierExport(Path directory) {
        this.directory = directory;
    }

    /// Refuses a target that is neither free nor an earlier export.
    ///
    /// @return whether there is an earlier export
    /// @throws OutputException if it is neither
    public static boolean isAt(Path target) {
        if (!Files.isDirectory(target)) {
            OutputDirectory.requireFree(target);
            return false;
        }
        boolean ours = isOurs(target);
        OutputPaths.requireOwn(target, Set.of(), () -> ours);
        return ours;
    }

    /// Returns whether `target` holds what would be written.
    ///
    /// @param small content of the small files by name, `steelyard.json` among them
    /// @param tensors names of the files of tensors
    /// @param side files that are copied
    /// @throws OutputException if it holds anything else
    static boolean isSame(Path target, Map<String, byte[]> small, Collection<String> tensors, List<String> side) {
        if (!isAt(target)) {
            return false;
        }
        EarlierExport earlier = new EarlierExport(target);
        List<String> differences = new ArrayList<>();
        small.forEach((name, content) -> {
            if (name.equals(ProvenanceJson.FILE_NAME)) {
                differences.addAll(earlier.provenanceDifferences(content));
            } else if (!earlier.holds(name, content)) {
                differences.add(name);
            }
        });
        differences.addAll(side);
        if (!earlier.tensorFiles().equals(new TreeSet<>(tensors))) {
            differences.add("the files of tensors");
        }
        if (!differences.isEmpty()) {
            throw new OutputException(
                    target,
                    "holds another export; what differs: %s; move it away, or give another directory"
                            .formatted(String.join(", ", differences)));
        }
        return true;
    }

    private static boolean isOurs(Path directory) {
        Path file = directory.resolve(ProvenanceJson.FILE_NAME);
        try {
            return Files.isRegularFile(file)
                    && ConfigJson.read(file)
                            .object("tool")
                            .filter(tool -> tool.stringOr("name", "").equals(ProvenanceJson.TOOL))
                            .isPresent();
        } catch (CheckpointException e) {
            return false;
        }
    }

    /// Compares where scales come from, but for the digest of the recipe: it has keys that change nothing here.
    private List<String> provenanceDifferences(byte[] content) {
        Path file = directory.resolve(ProvenanceJson.FILE_NAME);
        ObjectNode there = ConfigJson.read(file).copy();
        ObjectNode wanted = ConfigJson.parse(file, new String(content, StandardCharsets.UTF_8))
                .copy();
        List<String> differences = new ArrayList<>();
        for (String section : keys(there, wanted)) {
            JsonNode one = there.path(section);
            JsonNode other = wanted.path(section);
            List<String> keys = one.equals(other)
                    ? List.of()
                    : keys(one, other).stream()
                            .filter(key -> !one.path(key).equals(other.path(key)))
                            .filter(key -> !(section.equals(INPUTS) && key.equals("recipe")))
                            .toList();
            if (!keys.isEmpty()) {
                differences.add("%s of %s%s"
                        .formatted(
                                section,
                                Printable.list(keys.subList(0, Math.min(MOST_NAMES, keys.size()))),
                                keys.size() > MOST_NAMES
                                        ? String.format(Locale.ROOT, " and %d more", keys.size() - MOST_NAMES)
                                        : ""));
            } else if (!one.isObject() && !one.equals(other)) {
                differences.add(section);
            }
        }
        return differences;
    }

    private static Set<String> keys(JsonNode one, JsonNode other) {
        Set<String> keys = new TreeSet<>();
        one.fieldNames().forEachRemaining(keys::add);
        other.fieldNames().forEachRemaining(keys::add);
        return keys;
    }

    private boolean holds(String name, byte[] content) {
        Path file = directory.resolve(name);
        try {
            return Files.isRegularFile(file)
                    && Files.size(file) == content.length
                    && Arrays.equals(Files.readAllBytes(file), content);
        } catch (IOException e) {
            return false;
        }
    }

    private Set<String> tensorFiles() {
        try (Stream<Path> files = Files.list(directory)) {
            Set<String> names = new TreeSet<>();
            files.map(file -> String.valueOf(file.getFileName()))
                    .filter(name -> name.endsWith(".safetensors"))
                    .forEach(names::add);
            return names;
        } catch (IOException e) {
            throw new OutputException(directory, "cannot be listed: " + e.getMessage());
        }
    }
}
