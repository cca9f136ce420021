package io.github.steelyard.demo;

import io.github.steelyard.export.EarlierExport;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.files.StorageException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/// The embedded tiny mixture-of-experts checkpoint with all that a calibration of it needs, on disk.
///
/// @param out the directory
public record DemoFiles(Path out) {

    private static final String MARKER = ".steelyard-demo";
    private static final String RECIPE = "configs/recipes/nvfp4-experts_fp8-rest_kv-fp8.yaml";
    private static final String CALIBRATION = "calibration-data/demo.jsonl";
    private static final String HELD_OUT = "calibration-data/demo-held-out.jsonl";
    private static final List<String> CHECKPOINT_FILES = List.of(
            "config.json",
            "generation_config.json",
            "hf_quant_config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json");
    private static final List<String> EXPORT_FILES = Stream.concat(
                    CHECKPOINT_FILES.stream(), Stream.of("steelyard.json"))
            .toList();

    /// Returns the directory of the checkpoint.
    public Path checkpoint() {
        return out.resolve("checkpoint");
    }

    /// Returns the recipe: NVFP4 experts, FP8 besides, an FP8 cache.
    public Path recipe() {
        return out.resolve("recipe.yaml");
    }

    /// Returns the calibration text.
    public Path text() {
        return out.resolve("demo.jsonl");
    }

    /// Returns a text to evaluate on.
    public Path heldOut() {
        return out.resolve("held-out.jsonl");
    }

    /// Returns the directory of the run.
    public Path run() {
        return out.resolve("run");
    }

    /// Returns the directory of the export.
    public Path export() {
        return out.resolve("export");
    }

    /// Writes the embedded checkpoint, its recipe and two texts into `out`; an earlier demonstration there is replaced.
    ///
    /// @throws io.github.steelyard.files.OutputException if there is something else
    /// @throws StorageException if it cannot be written
    public static DemoFiles unpack(Path out) {
        Path marker = out.resolve(MARKER);
        try {
            OutputPaths.requireOwn(out, Set.of("checkpoint", "run", "export"), () -> Files.isRegularFile(marker));
            Files.createDirectories(out);
            if (!Files.exists(marker)) {
                Files.createFile(marker);
            }
            DemoFiles files = new DemoFiles(out);
            removeEarlier(files.export());
            Files.createDirectories(files.checkpoint());
            for (String file : CHECKPOINT_FILES) {
                copy("demo/checkpoint/" + file, files.checkpoint().resolve(file));
            }
            copy(RECIPE, files.recipe());
            copy(CALIBRATION, files.text());
            copy(HELD_OUT, files.heldOut());
            return files;
        } catch (IOException e) {
            throw new StorageException(out, e);
        }
    }

    /// Removes the export of an earlier demo, by the names that it has; what others put beside stays, and is met when
    /// the export is written. The run is begun afresh, and all else is replaced.
    private static void removeEarlier(Path export) throws IOException {
        if (EarlierExport.isAt(export)) {
            for (String file : EXPORT_FILES) {
                Files.deleteIfExists(export.resolve(file));
            }
        }
    }

    private static void copy(String resource, Path target) throws IOException {
        try (InputStream in = DemoFiles.class.getResourceAsStream("/" + resource)) {
            if (in == null) {
                throw new IllegalStateException("the jar lacks %s".formatted(resource));
            }
            AtomicFiles.write(target, in.readAllBytes());
        }
    }
}
