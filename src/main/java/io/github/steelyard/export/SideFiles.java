package io.github.steelyard.export;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.declare.ExportDeclaration;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.FileProblem;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import io.github.steelyard.files.PythonJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.Stream;

/// The files of an export besides the tensors: configs, and what is copied so that the directory can be served.
final class SideFiles {

    /// Files that say what the source's tensors are, and so are written anew or not at all.
    private static final Set<String> NOT_COPIED = Set.of(
            "config.json",
            "hf_quant_config.json",
            ProvenanceJson.FILE_NAME,
            "recipe.yaml",
            "model.safetensors.index.json",
            "pytorch_model.bin.index.json");

    private static final Set<String> COPIED_SUFFIXES =
            Set.of(".json", ".jsonl", ".txt", ".model", ".jinja", ".py", ".tiktoken", ".bpe", ".spm", ".vocab");

    private static final List<String> COPIED_PREFIXES = List.of("LICENSE", "LICENCE", "NOTICE", "USE_POLICY");

    private final Path directory;
    private final List<String> names = new ArrayList<>();
    private final List<String> strays = new ArrayList<>();

    private SideFiles(Path directory) {
        this.directory = directory;
    }

    /// Lists tokenizer, generation config, chat template, licence and code of a checkpoint.
    ///
    /// What is published must not hold what lies elsewhere on this machine: links are followed to files in the
    /// directory itself and to the blobs of the hub cache that it belongs to, others are left out.
    static SideFiles of(Path directory) {
        SideFiles side = new SideFiles(directory);
        try (Stream<Path> files = Files.list(directory)) {
            Path home = directory.toRealPath();
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                String name = file.getFileName().toString();
                if (isCopied(name)) {
                    (isAtHome(file.toRealPath(), home) ? side.names : side.strays).add(name);
                }
            }
        } catch (IOException e) {
            throw new CheckpointException(directory, "cannot be listed: " + FileProblem.reason(directory, e), e);
        }
        return side;
    }

    /// Returns the names of the files.
    List<String> names() {
        return List.copyOf(names);
    }

    /// Returns a warning if there are links that were not followed.
    List<Finding> findings() {
        return strays.isEmpty()
                ? List.of()
                : List.of(Finding.warning(
                        "side-file-elsewhere",
                        strays.getFirst(),
                        String.format(
                                Locale.ROOT,
                                "%d files of %s are links to places outside it and were not exported: %s",
                                strays.size(),
                                Printable.of(directory),
                                Printable.list(strays))));
    }

    /// Copies the files.
    void copy(Path to) {
        names.forEach(name -> AtomicFiles.copy(directory.resolve(name), to.resolve(name)));
    }

    /// Returns the names of files that are not the same in another directory, or are missing there.
    List<String> differencesFrom(Path other) {
        return names.stream()
                .filter(name -> {
                    try {
                        return Files.mismatch(directory.resolve(name), other.resolve(name)) >= 0;
                    } catch (IOException e) {
                        return true;
                    }
                })
                .toList();
    }

    /// Returns the content of `config.json` and of `hf_quant_config.json`, where there is one.
    static SequencedMap<String, byte[]> configs(Checkpoint source, ExportDeclaration declaration) {
        SequencedMap<String, byte[]> configs = new LinkedHashMap<>();
        configs.put("config.json", PythonJson.bytes(config(source, declaration), 2));
        declaration.separate().ifPresent(content -> configs.put("hf_quant_config.json", PythonJson.bytes(content, 4)));
        return configs;
    }

    /// Returns the content of `config.json`: the source's, with what is declared now.
    static ObjectNode config(Checkpoint source, ExportDeclaration declaration) {
        ObjectNode config = source.config().copy();
        config.remove("compression_config");
        config.remove("quantization_config");
        ConfigJson.textModelOf(config).remove("quantization_config");
        if (!declaration.isEmpty()) {
            config.set("quantization_config", declaration.quantizationConfig());
        }
        return config;
    }

    private static boolean isAtHome(Path file, Path home) {
        if (file.startsWith(home)) {
            return true;
        }
        Path snapshots = home.getParent(); // models--ORG--NAME/snapshots/REVISION
        Path model = snapshots == null ? null : snapshots.getParent();
        return snapshots != null
                && model != null
                && snapshots.endsWith("snapshots")
                && String.valueOf(model.getFileName()).startsWith("models--")
                && file.startsWith(model.resolve("blobs"));
    }

    private static boolean isCopied(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        int dot = lower.lastIndexOf('.');
        boolean index = lower.endsWith(".index.json");
        return !index
                && !NOT_COPIED.contains(name)
                && ((dot >= 0 && COPIED_SUFFIXES.contains(lower.substring(dot)))
                        || COPIED_PREFIXES.stream().anyMatch(name::startsWith));
    }
}
