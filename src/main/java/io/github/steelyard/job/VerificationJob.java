package io.github.steelyard.job;

import io.github.steelyard.audit.Auditor;
import io.github.steelyard.audit.Expectation;
import io.github.steelyard.audit.Verification;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.loader.Loader;
import io.github.steelyard.loader.Loaders;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// Re-reads a quantised checkpoint and says what a server would trip over.
public final class VerificationJob {

    private VerificationJob() {}

    /// Verifies. What it finds is in the result: scales, pairs, names, index, declarations.
    ///
    /// @throws RequestException if a server is not known
    /// @throws CheckpointException if there is nothing that can be verified, or the source cannot be used
    public static Verification run(VerificationRequest request) {
        Verification found = verify(request);
        return request.strict() ? found.strict() : found;
    }

    private static Verification verify(VerificationRequest request) {
        List<Loader> servers =
                request.servers().stream().map(VerificationJob::loader).toList();
        Expectation expected = Expectation.servable().servedBy(servers);
        Path written = request.directory();
        if (!Files.isDirectory(written)) {
            throw new CheckpointException(written, "no such directory");
        }
        if (request.source().isEmpty()) {
            return audit(written, expected);
        }
        try (Checkpoint origin = Checkpoint.open(request.source().get())) {
            return audit(written, expected.madeFrom(ExportSource.of(origin, Families.of(origin))));
        }
    }

    private static Loader loader(String name) {
        try {
            return Loaders.find(name);
        } catch (IllegalArgumentException e) {
            throw new RequestException("--serving: " + e.getMessage());
        }
    }

    private static Verification audit(Path directory, Expectation expectation) {
        return new Auditor(expectation, Compute.defaultThreads()).audit(directory);
    }
}
