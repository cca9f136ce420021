package io.github.steelyard.corpus;

import io.github.steelyard.files.FileProblem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;

/// A place that calibration text comes from.
///
/// @param path a file; a directory, of which all data files count; or a glob (`*`, `**`, `?`, `[a-z]`, `{a,b}`)
/// @param weight how much of it is drawn, next to other sources; above 0
public record DataSource(Path path, double weight) {

    private static final int MOST_FILES = 10_000;
    private static final int MOST_LOOKED_AT = 1_000_000;
    private static final int DEEPEST = 32;

    /// @throws IllegalArgumentException if the weight is not a finite number above 0
    public DataSource {
        if (!(weight > 0) || Double.isInfinite(weight)) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "weight must be a number above 0, found %s", weight));
        }
    }

    /// Returns a source of weight 1.
    public static DataSource of(Path path) {
        return new DataSource(path, 1);
    }

    /// Returns the files, in the order of their paths. What a file is, is not looked at, nor whether it exists if it is
    /// named by itself.
    ///
    /// @throws CorpusException if a directory or a glob holds no data file, or too many
    public List<Path> files() {
        if (Files.isDirectory(path) && DataKind.of(path).isEmpty()) {
            return found(path, DEEPEST, DataKind::isData, "no data file in it (.jsonl, .txt; .gz, .zst)");
        }
        return Files.exists(path) || !isGlob(path.toString()) ? List.of(path) : matching();
    }

    /// Returns whether there is something at the path, or it is a glob.
    public boolean isThere() {
        return Files.exists(path) || isGlob(path.toString());
    }

    /// Returns the source as a recipe would say it: the path, and the weight if there is one.
    String text() {
        return weight == 1 ? path.toString() : String.format(Locale.ROOT, "%s (weight %s)", path, weight);
    }

    private List<Path> matching() {
        Path base = path.isAbsolute() ? path.getRoot() : Path.of("");
        int at = 0;
        while (at < path.getNameCount() && !isGlob(path.getName(at).toString())) {
            base = base.resolve(path.getName(at++));
        }
        boolean deep = path.toString().contains("**");
        PathMatcher matcher;
        try {
            matcher = FileSystems.getDefault().getPathMatcher("glob:" + path.subpath(at, path.getNameCount()));
        } catch (PatternSyntaxException e) {
            throw new CorpusException(path, "not a glob: " + e.getDescription());
        }
        Path from = base;
        return found(
                base,
                deep ? DEEPEST : path.getNameCount() - at,
                file -> matcher.matches(from.relativize(file)),
                "no file matches");
    }

    private List<Path> found(Path directory, int depth, PathMatcher wanted, String none) {
        TreeSet<Path> files = new TreeSet<>();
        Path start = directory.toString().isEmpty() ? Path.of(".") : directory;
        int looked = 0;
        try (Stream<Path> all = Files.walk(start, depth, FileVisitOption.FOLLOW_LINKS)) {
            for (Iterator<Path> each = all.iterator(); each.hasNext(); ) {
                Path file = directory.resolve(start.relativize(each.next()));
                if (++looked > MOST_LOOKED_AT) {
                    throw new CorpusException(path, "more than " + MOST_LOOKED_AT + " files to look through");
                }
                if (wanted.matches(file) && Files.isRegularFile(file)) {
                    files.add(file);
                }
            }
        } catch (IOException e) {
            throw new CorpusException(path, "cannot be listed: " + FileProblem.reason(path, e));
        } catch (UncheckedIOException e) {
            throw new CorpusException(path, "cannot be listed: " + Lines.brief(e));
        }
        if (files.isEmpty()) {
            throw new CorpusException(path, none);
        }
        if (files.size() > MOST_FILES) {
            throw new CorpusException(path, "more than " + MOST_FILES + " data files");
        }
        return List.copyOf(files);
    }

    private static boolean isGlob(String name) {
        return name.chars().anyMatch(c -> "*?[{".indexOf(c) >= 0);
    }
}
