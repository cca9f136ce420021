package io.github.steelyard.run;

import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.FileProblem;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.files.StorageException;
import io.github.steelyard.files.WorkDirectory;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.statistics.StatisticsException;
import io.github.steelyard.statistics.StatisticsFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/// The directory of one calibration: `statistics.safetensors`, `recipe.json`, `manifest.json`, and `state/` while the
/// run is under way. `docs/RUN_DIRECTORY.md` describes the files.
///
/// The manifest is written last and holds the digest of the statistics: a directory with a manifest is a finished run.
///
/// @param path the directory
public record RunDirectory(Path path) {

    /// How files of a run name this program.
    static final String TOOL = "steelyard";

    private static final long MAX_RECIPE_BYTES = 64L << 20;
    private static final String STATE = "state";
    private static final String SOLVING = "solving";
    private static final String SOLVED = "solved";

    /// Returns a directory for a new run, or of one to go on with; it is not made yet.
    ///
    /// @throws io.github.steelyard.files.OutputException if there is something that is no run
    public static RunDirectory at(Path path) {
        RunDirectory run = new RunDirectory(path);
        OutputPaths.requireOwn(path, Set.of(STATE, SOLVING, SOLVED), run::isOurs);
        return run;
    }

    /// Returns whether a run was begun here: its manifest, or else its state, names this program.
    public boolean isOurs() {
        return Files.exists(manifestFile(), LinkOption.NOFOLLOW_LINKS)
                ? Manifest.isOurs(manifestFile())
                : WorkDirectory.isOurs(stateDirectory()) || WorkDirectory.isOurs(solvingDirectory());
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

    /// Returns whether an unfinished run has all its statistics, and goes on to solve with them.
    public boolean isMeasured() {
        return Files.isRegularFile(solvingDirectory().resolve(RunState.STATE), LinkOption.NOFOLLOW_LINKS);
    }

    /// Returns the value of a setting that the run here, finished or not, was begun with; empty if none was.
    ///
    /// @param name a part of the run's key
    /// @param layers how many layers the model has
    /// @throws StatisticsException if what tells it is damaged
    public Optional<String> setting(String name, int layers) {
        if (isFinished()) {
            return Optional.ofNullable(manifest().settings().get(name));
        }
        Path state = (isMeasured() ? solvingDirectory() : stateDirectory()).resolve(RunState.STATE);
        return Files.isRegularFile(state, LinkOption.NOFOLLOW_LINKS)
                ? Optional.ofNullable(
                        StateFile.read(state, layers).key().parts().get(name))
                : Optional.empty();
    }

    /// Writes the results of a run: statistics, the resolved recipe, and last the manifest.
    ///
    /// @param recipe the resolved recipe as JSON
    /// @param manifest returns the manifest for the statistics' digest
    public void finish(Statistics statistics, String recipe, Function<String, Manifest> manifest) {
        describe(recipe, manifest.apply(write(statistics)));
    }

    /// Writes the statistics of a run that is not finished with them, and returns their digest.
    public String write(Statistics statistics) {
        StatisticsFile.write(statistics, statisticsFile());
        return Digests.ofFile(statisticsFile());
    }

    /// Finishes a run whose statistics are written, once what was solved is too.
    ///
    /// @param recipe the resolved recipe as JSON
    /// @param manifest returns the manifest for the statistics' digest
    public void finishSolved(String recipe, Function<String, Manifest> manifest) {
        describe(recipe, manifest.apply(statisticsDigest()));
    }

    /// Writes how the statistics came about and are to be used.
    ///
    /// @param recipe the resolved recipe as JSON
    public void describe(String recipe, Manifest manifest) {
        AtomicFiles.write(recipeFile(), recipe.getBytes(StandardCharsets.UTF_8));
        AtomicFiles.write(manifestFile(), manifest.bytes());
    }

    /// Takes the manifest away: what was finished here counts no more.
    public void forgetResults() {
        try {
            Files.deleteIfExists(manifestFile());
        } catch (IOException e) {
            throw new StorageException(path, e);
        }
    }

    /// Takes the directory for work that is done in one go and keeps no state: if it is broken off, it is begun again.
    ///
    /// @throws StatisticsException if a calibration was broken off here
    /// @throws io.github.steelyard.files.OutputException if it is not ours, or another process is at work in it
    public WorkDirectory claim() {
        Path state = stateDirectory().resolve(RunState.STATE);
        WorkDirectory work = RunState.claim(stateDirectory());
        if (Files.exists(state, LinkOption.NOFOLLOW_LINKS)) {
            work.close();
            throw new StatisticsException(
                    state, "a calibration was broken off here; use --fresh to forget it, or another --out");
        }
        return work;
    }

    /// Removes the state of a finished run, if a process was killed before it could.
    ///
    /// @throws io.github.steelyard.files.OutputException if it is not ours, or another process is at work in it
    public void discardState() {
        discard(stateDirectory());
        discard(solvingDirectory());
    }

    public static void discard(Path state) {
        if (Files.exists(state, LinkOption.NOFOLLOW_LINKS)) {
            RunState.claim(state).remove();
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
        String found = StatisticsFile.digest(statisticsFile());
        if (!wanted.equals(found)) {
            throw new StatisticsException(
                    statisticsFile(), "expected SHA-256 %s as in manifest.json, found %s".formatted(wanted, found));
        }
        return statistics;
    }

    /// Returns the statistics of a run that has no manifest yet.
    public Statistics unfinishedStatistics() {
        return StatisticsFile.read(statisticsFile());
    }

    /// Returns the digest of the statistics as they lie there.
    public String statisticsDigest() {
        return StatisticsFile.digest(statisticsFile());
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

    /// Writes the list of starved experts, or takes it away where there is none.
    ///
    /// @param list one line each
    public void writeStarved(String list) {
        if (!list.isEmpty()) {
            AtomicFiles.write(starvedFile(), list.getBytes(StandardCharsets.UTF_8));
            return;
        }
        try {
            Files.deleteIfExists(starvedFile());
        } catch (IOException e) {
            throw new StorageException(starvedFile(), e);
        }
    }

    /// Returns where the list of starved experts lies, if there are any.
    public Path starvedFile() {
        return path.resolve("starved-experts.txt");
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
        return path.resolve(STATE);
    }

    /// Returns the directory that holds what a broken pass that solves needs to go on.
    public Path solvingDirectory() {
        return path.resolve(SOLVING);
    }

    /// Returns the directory of what was solved, a file for each layer that anything was solved in.
    public Path solvedDirectory() {
        return path.resolve(SOLVED);
    }
}
