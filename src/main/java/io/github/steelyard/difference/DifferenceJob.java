package io.github.steelyard.difference;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.job.RequestException;
import java.nio.file.Path;
import java.util.Optional;

/// Says how two runs, two checkpoints or two recipes differ.
public final class DifferenceJob {

    private final DifferenceRequest request;
    private final JobListener listener;

    private DifferenceJob(DifferenceRequest request, JobListener listener) {
        this.request = request;
        this.listener = listener;
    }

    /// Compares. What the two are is found by what is there.
    ///
    /// @throws RequestException if they are not of one kind, or the request says what has no effect on it
    /// @throws io.github.steelyard.files.CheckpointException if a checkpoint cannot be used
    /// @throws io.github.steelyard.recipe.RecipeException if a recipe cannot be used, or does not fit the checkpoint
    /// @throws io.github.steelyard.statistics.StatisticsException if a run is damaged
    public static Difference run(DifferenceRequest request, JobListener listener) {
        return new DifferenceJob(request, listener).run();
    }

    private Difference run() {
        Kind kind = Kind.of(request.a());
        Kind other = Kind.of(request.b());
        if (kind != other) {
            throw new RequestException("%s is %s and %s %s: only two of one kind can be compared"
                    .formatted(request.a(), kind.text(), request.b(), other.text()));
        }
        if (kind != Kind.CHECKPOINT && request.source().isPresent()) {
            throw new RequestException("--source: no effect on " + kind.text());
        }
        if (kind == Kind.CHECKPOINT && request.checkpoint().isPresent()) {
            throw new RequestException("--checkpoint: no effect on " + kind.text());
        }
        if (kind != Kind.RECIPE
                && !(request.settings().isEmpty() && request.recipes().roots().isEmpty())) {
            throw new RequestException("--set, --recipe-path: no effect on " + kind.text());
        }
        return switch (kind) {
            case RUN -> RunComparison.of(Path.of(request.a()), Path.of(request.b()), request.checkpoint(), listener);
            case CHECKPOINT -> checkpoints();
            case RECIPE -> recipes();
        };
    }

    private Difference checkpoints() {
        try (Checkpoint a = Checkpoint.open(Path.of(request.a()));
                Checkpoint b = Checkpoint.open(Path.of(request.b()))) {
            if (request.source().isEmpty()) {
                return new CheckpointComparison(a, b, Optional.empty(), listener).run();
            }
            try (Checkpoint source = Checkpoint.open(request.source().get())) {
                return new CheckpointComparison(a, b, Optional.of(source), listener).run();
            }
        }
    }

    private Difference recipes() {
        Path checkpoint = request.checkpoint()
                .orElseThrow(() -> new RequestException("two recipes are compared on a model: give --checkpoint"));
        return RecipeComparison.of(
                request.recipes().read(request.a(), request.settings()),
                request.recipes().read(request.b(), request.settings()),
                checkpoint,
                listener);
    }
}
