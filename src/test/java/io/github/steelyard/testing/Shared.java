package io.github.steelyard.testing;

import static org.junit.jupiter.api.Assumptions.abort;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// Finds the reference data that lies beside the project: `../shared`, or the directory that the system property
/// `steelyard.shared` or the environment variable `STEELYARD_SHARED` names.
///
/// Without that directory a test that asks for it is skipped with a message; with `STEELYARD_REQUIRE_SHARED=true` it
/// fails. A file that is absent from a directory that is there always fails: a renamed reference must not turn into a
/// skipped test.
public final class Shared {

    private static final ThreadLocal<String> ABSENCE = new ThreadLocal<>();

    private Shared() {}

    /// Returns the file or directory `relative` of the reference data, for example `models/tiny-qwen3-moe-bf16`.
    public static Path path(String relative) {
        Path path = root().resolve(relative);
        if (!Files.exists(path)) {
            throw new AssertionError(
                    "reference data '%s' is missing from %s".formatted(relative, path.toAbsolutePath()));
        }
        return path;
    }

    /// Returns whether the reference data is there at all.
    public static boolean isPresent() {
        return Files.isDirectory(configuredRoot());
    }

    private static Path root() {
        Path root = configuredRoot();
        if (Files.isDirectory(root)) {
            return root;
        }
        String message = "reference data not found: expected a directory at %s (set STEELYARD_SHARED to name another)"
                .formatted(root.toAbsolutePath().normalize());
        if (Boolean.parseBoolean(System.getenv("STEELYARD_REQUIRE_SHARED"))) {
            throw new AssertionError(message);
        }
        return skip(message);
    }

    /// Ends the running test as skipped. Its thread remembers it until [#takeAbsence], should the test catch the abort.
    static Path skip(String message) {
        ABSENCE.set(message);
        return abort(message);
    }

    /// Returns what this thread looked for in vain since the last call.
    static Optional<String> takeAbsence() {
        Optional<String> absence = Optional.ofNullable(ABSENCE.get());
        ABSENCE.remove();
        return absence;
    }

    private static Path configuredRoot() {
        return Optional.ofNullable(System.getProperty("steelyard.shared"))
                .or(() -> Optional.ofNullable(System.getenv("STEELYARD_SHARED")))
                .map(Path::of)
                .orElse(Path.of("..", "shared"));
    }
}
