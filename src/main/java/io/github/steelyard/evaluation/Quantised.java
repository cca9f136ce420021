package io.github.steelyard.evaluation;

import io.github.steelyard.census.CheckpointScales;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.job.Compute;
import io.github.steelyard.job.FinishedRun;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.job.OpenedRun;
import io.github.steelyard.job.RequestException;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.site.Site;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.Weights;
import java.util.Map;
import java.util.function.Function;

/// What is evaluated: weights, and what of their inputs is quantised.
interface Quantised extends AutoCloseable {

    Weights weights();

    Map<Site, FakeQuantizer> quantizers(Decoder decoder);

    @Override
    default void close() {}

    /// Opens what a request asks for.
    ///
    /// @param source the request's checkpoint
    static Quantised of(EvaluationRequest request, Checkpoint source, JobListener listener) {
        return switch (request.quantization()) {
            case EvaluationRequest.Unquantized nothing -> stored(source, decoder -> Map.of());
            case EvaluationRequest.AsStored own -> stored(source, decoder -> carried(source, decoder, listener));
            case EvaluationRequest.AsExported export ->
                exported(export.run().withCheckpoint(source.directory()), request.compute(), listener);
        };
    }

    private static Quantised stored(Checkpoint source, Function<Decoder, Map<Site, FakeQuantizer>> quantizers) {
        return new Quantised() {
            @Override
            public Weights weights() {
                return new CheckpointWeights(source);
            }

            @Override
            public Map<Site, FakeQuantizer> quantizers(Decoder decoder) {
                return quantizers.apply(decoder);
            }
        };
    }

    private static Map<Site, FakeQuantizer> carried(Checkpoint source, Decoder decoder, JobListener listener) {
        CheckpointScales.Carried own = CheckpointScales.read(source, decoder.modules());
        own.findings().forEach(listener::finding);
        if (own.quantizers().isEmpty()) {
            throw new RequestException("--fake-quant: %s declares no quantised inputs and no quantised cache"
                    .formatted(source.directory()));
        }
        return own.quantizers();
    }

    private static Quantised exported(FinishedRun run, Compute compute, JobListener listener) {
        OpenedRun opened = OpenedRun.open(run, listener);
        return new Quantised() {
            @Override
            public Weights weights() {
                return opened.weights();
            }

            @Override
            public Map<Site, FakeQuantizer> quantizers(Decoder decoder) {
                opened.requireSameCheckpoint(compute.threads());
                return opened.quantizers(compute.threads());
            }

            @Override
            public void close() {
                opened.close();
            }
        };
    }
}
