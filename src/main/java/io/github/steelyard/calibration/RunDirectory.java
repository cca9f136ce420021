package io.github.steelyard.calibration;

import io.github.steelyard.checkpoint.AtomicFiles;
import io.github.steelyard.checkpoint.CheckpointException;
import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.checkpoint.FileProblem;
import io.github.steelyard.checkpoint.StorageException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;

/// The directory of one calibration: `statistics.safetensors`, `recipe.json`, `manifest.json`, and `state/` while the
/// run is under way. `docs/RUN_DIRECTORY.md` describes the files.
///
/// The manifest is written last and holds the digest of the statistics: a directory with a manifest is a finished run.
///
/// @param path the directory
public record RunDirectory(Path path) {

    private static final long MAX_RECIPE_BYTES = 64L << 20;

    /// Returns a directory for a new run, made if it is not there.
    ///
    /// @throws StatisticsException if a file of that name is in the way
    /// @throws StorageException if the device does not take it
    public static RunDirectory create(Path path) {
        try {
            Files.createDirectories(path);
        } catch (FileAlreadyExistsException e) {
            throw new StatisticsException(path, "not a directory", e);
        } catch (IOException e) {
            throw new StorageException(path, e);
        }
        return new RunDirectory(path);
    }

    /// Returns the directory of a finished run.
    ///
    /// @throws StatisticsException if there is none
    public static RunDirectory open(Path path) {
        RunDirectory run = new RunDirectory(path);
        if (!Files.isDirectory(path)) {
            throw new StatisticsException(path, Files.exists(path) ? "not a directory" : "no such directory");
        }
        if (!run.isFinished()) {
            throw new StatisticsException(path, "no manifest.json: not a run, or one that did not finish");
        }
        return run;
    }

    /// Returns whether the run was finished.
    public boolean isFinished() {
        return Files.exists(manifestFile());
    }

    /// Writes the results of a run: statistics, the resolved recipe, and last the manifest.
    ///
    /// @param recipe the resolved recipe as JSON
    /// @param manifest returns the manifest for the statistics' digest
    public void finish(Statistics statistics, String recipe, Function<String, Manifest> manifest) {
        StatisticsFile.write(statistics, statisticsFile());
        AtomicFiles.write(recipeFile(), recipe.getBytes(StandardCharsets.UTF_8));
        AtomicFiles.write(
                manifestFile(), manifest.apply(Digests.ofFile(statisticsFile())).bytes());
    }

    /// Takes the manifest away: what was finished here counts no more.
    void forgetResults() {
        try {
            Files.deleteIfExists(manifestFile());
        } catch (IOException e) {
            throw new StorageException(path, e);
        }
    }

    /// Removes the state of a finished run, if a process was killed before it could.
    public void discardState() {
        if (!Files.exists(stateDirectory())) {
            return;
        }
        try (var files = Files.list(stateDirectory())) {
            for (Path file : files.toList()) {
                Files.deleteIfExists(file);
            }
            Files.deleteIfExists(stateDirectory());
        } catch (IOException e) {
            throw new StorageException(stateDirectory(), e);
        }
    }

    /// Returns the manifest.
    ///
    /// @throws StatisticsException if it is missing or damaged
    public Manifest manifest() {
        return Manifest.read(manifestFile());
    }

    /// Returns the statistics.
    ///
    /// @throws StatisticsException if the file is missing, damaged, or not the one that the manifest names
    public Statistics statistics() {
        Statistics statistics = StatisticsFile.read(statisticsFile());
        String wanted = manifest().statisticsDigest();
        String found = digest(statisticsFile());
        if (!wanted.equals(found)) {
            throw new StatisticsException(
                    statisticsFile(), "expected SHA-256 %s as in manifest.json, found %s".formatted(wanted, found));
        }
        return statistics;
    }

    /// Returns the recipe of the run, resolved, as JSON.
    ///
    /// @throws StatisticsException if it is missing
    public String recipe() {
        try {
            if (Files.size(recipeFile()) > MAX_RECIPE_BYTES) {
                throw new StatisticsException(recipeFile(), "larger than any recipe");
            }
            return Files.readString(recipeFile());
        } catch (IOException e) {
            throw new StatisticsException(recipeFile(), "cannot be read: " + FileProblem.reason(recipeFile(), e), e);
        }
    }

    /// Returns where the statistics lie.
    public Path statisticsFile() {
        return path.resolve("statistics.safetensors");
    }

    /// Returns where the resolved recipe lies.
    public Path recipeFile() {
        return path.resolve("recipe.json");
    }

    /// Returns where the manifest lies.
    public Path manifestFile() {
        return path.resolve("manifest.json");
    }

    /// Returns the directory that holds what a broken run needs to go on.
    public Path stateDirectory() {
        return path.resolve("state");
    }

    private static String digest(Path file) {
        try {
            return Digests.ofFile(file);
        } catch (CheckpointException e) {
            throw new StatisticsException(file, e.problem(), e);
        }
    }
}
