package io.github.steelyard.export;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.checkpoint.AtomicFiles;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.CheckpointException;
import io.github.steelyard.checkpoint.ConfigJson;
import io.github.steelyard.checkpoint.FileProblem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/// The files of an export besides the tensors: configs, and what is copied so that the directory can be served.
final class SideFiles {

    /// Files that say what the source's tensors are, and so are written anew or not at all.
    private static final Set<String> NOT_COPIED = Set.of(
            "config.json",
            "hf_quant_config.json",
            "steelyard.json",
            "recipe.yaml",
            "model.safetensors.index.json",
            "pytorch_model.bin.index.json");

    private static final Set<String> COPIED_SUFFIXES =
            Set.of(".json", ".jsonl", ".txt", ".model", ".jinja", ".py", ".tiktoken", ".bpe", ".spm", ".vocab");

    private static final List<String> COPIED_PREFIXES = List.of("LICENSE", "LICENCE", "NOTICE", "USE_POLICY");

    private SideFiles() {}

    /// Copies tokenizer, generation config, chat template, licence and code; returns the names.
    static List<String> copy(Path from, Path to) {
        List<String> names = new ArrayList<>();
        try (Stream<Path> files = Files.list(from)) {
            files.filter(Files::isRegularFile)
                    .map(file -> file.getFileName().toString())
                    .filter(SideFiles::isCopied)
                    .sorted()
                    .forEach(names::add);
        } catch (IOException e) {
            throw new CheckpointException(from, "cannot be listed: " + FileProblem.reason(from, e), e);
        }
        names.forEach(name -> AtomicFiles.copy(from.resolve(name), to.resolve(name)));
        return names;
    }

    /// Writes `config.json` and, if anything is quantised, `hf_quant_config.json`; returns the names.
    static List<String> configs(Checkpoint source, Declaration declaration, Path to) {
        AtomicFiles.write(to.resolve("config.json"), JsonText.bytes(config(source, declaration), 2));
        if (declaration.isEmpty()) {
            return List.of("config.json");
        }
        AtomicFiles.write(to.resolve("hf_quant_config.json"), JsonText.bytes(declaration.hfQuantConfig(), 4));
        return List.of("config.json", "hf_quant_config.json");
    }

    /// Returns the content of `config.json`: the source's, with what is declared now.
    static ObjectNode config(Checkpoint source, Declaration declaration) {
        ObjectNode config = source.config().copy();
        config.remove("compression_config");
        config.remove("quantization_config");
        ConfigJson.textModelOf(config).remove("quantization_config");
        if (!declaration.isEmpty()) {
            config.set("quantization_config", declaration.quantizationConfig());
        }
        return config;
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
