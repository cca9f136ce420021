package io.github.steelyard.evaluation;

import io.github.steelyard.adapter.Adapters;
import io.github.steelyard.calibration.GateException;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.corpus.CalibrationSet;
import io.github.steelyard.corpus.CorpusException;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.OutputPaths;
import io.github.steelyard.job.Inputs;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.passes.Perplexity;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.site.Site;
import io.github.steelyard.weights.Weights;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Measures the perplexity of a checkpoint over a text, as it is or fake-quantised.
public final class EvaluationJob {

    private final EvaluationRequest request;
    private final JobListener listener;

    private EvaluationJob(EvaluationRequest request, JobListener listener) {
        this.request = request;
        this.listener = listener;
    }

    /// Evaluates. Logits are written before it is looked whether they are numbers.
    ///
    /// @throws io.github.steelyard.job.RequestException if the request does not make sense
    /// @throws io.github.steelyard.job.ResourceException if memory does not suffice
    /// @throws io.github.steelyard.files.CheckpointException if the checkpoint cannot be used
    /// @throws CorpusException if the text cannot be used, or has nothing to predict
    /// @throws io.github.steelyard.recipe.RecipeException if a run's recipe does not fit the checkpoint
    /// @throws io.github.steelyard.statistics.StatisticsException if a run is damaged, or of another checkpoint
    /// @throws GateException if the perplexity is no number, or a scale is missing
    /// @throws io.github.steelyard.files.OutputException if the logits' file would replace an input
    /// @throws io.github.steelyard.files.StorageException if the logits cannot be written
    public static EvaluationResult run(EvaluationRequest request, JobListener listener) {
        return new EvaluationJob(request, listener).run();
    }

    private EvaluationResult run() {
        request.logits().ifPresent(this::requirePlace);
        try (Checkpoint source = Checkpoint.open(request.checkpoint());
                Arena arena = Arena.ofShared();
                Quantised quantised = Quantised.of(request, source, listener)) {
            Decoder decoder = Inputs.model(source, listener);
            CalibrationSet set = Inputs.corpus(request.dataOptions(), source, decoder);
            Sequences sequences = Inputs.sequences(set);
            Map<Site, FakeQuantizer> quantizers = quantised.quantizers(decoder);
            List<Path> adapter = request.adapter().map(List::of).orElse(List.of());
            try (Adapters adapters = Inputs.adapters(adapter, decoder, listener)) {
                return evaluate(quantised.weights(), decoder, set, sequences, quantizers, adapters, arena);
            }
        }
    }

    private EvaluationResult evaluate(
            Weights weights,
            Decoder decoder,
            CalibrationSet set,
            Sequences sequences,
            Map<Site, FakeQuantizer> quantizers,
            Adapters adapters,
            Arena arena) {
        Optional<LogitsFile> kept =
                request.logits().map(file -> new LogitsFile(arena, sequences, decoder.vocabulary()));
        Evaluation evaluation = new Evaluation(request.compute(), listener);
        Perplexity perplexity = evaluation.run(weights, adapters, decoder, sequences, quantizers, kept);
        kept.ifPresent(logits -> logits.write(request.logits().orElseThrow()));
        requireNumbers(perplexity, sequences, evaluation);
        return result(set, perplexity, quantizers.size());
    }

    private void requirePlace(Path logits) {
        List<Path> inputs = new ArrayList<>(List.of(request.checkpoint(), request.data()));
        request.adapter().ifPresent(inputs::add);
        if (request.quantization() instanceof EvaluationRequest.AsExported exported) {
            inputs.add(exported.run().directory());
        }
        OutputPaths.requireApart(logits, inputs);
        AtomicFiles.requireReplaceable(logits);
    }

    private void requireNumbers(Perplexity perplexity, Sequences sequences, Evaluation evaluation) {
        requirePredictions(request, perplexity.predictions());
        List<Double> each = new ArrayList<>();
        for (int i = 0; i < sequences.count(); i++) {
            each.add(perplexity.negativeLogLikelihood(i));
        }
        requireNumbers("the perplexity", perplexity.mean(), each, evaluation.firstNotFinite());
    }

    /// Refuses a text in which nothing can be predicted.
    static void requirePredictions(EvaluationRequest request, long predictions) {
        if (predictions == 0) {
            throw new CorpusException(
                    request.data(), "no document has two tokens, so that there is nothing to predict");
        }
    }

    /// A perplexity that is no number is a failure, not a result.
    ///
    /// @param what whose it is
    /// @param mean its logarithm
    /// @param each the sums of each sequence
    /// @param where what is known of the first value that is no number
    static void requireNumbers(String what, double mean, List<Double> each, String where) {
        if (Double.isFinite(mean) && Double.isFinite(Math.exp(mean))) {
            return;
        }
        throw new GateException(
                what + " is not a number",
                List.of(String.format(
                        Locale.ROOT,
                        "NaN or infinite in %d of %d sequences, %s",
                        each.stream().filter(sum -> !Double.isFinite(sum)).count(),
                        each.size(),
                        where)));
    }

    private EvaluationResult result(CalibrationSet set, Perplexity perplexity, int sites) {
        double nll = perplexity.mean();
        List<Double> each = new ArrayList<>();
        for (int i = 0; i < set.count(); i++) {
            each.add(perplexity.negativeLogLikelihood(i) / Math.max(1, set.length(i) - 1));
        }
        return new EvaluationResult(
                nll,
                Math.exp(nll),
                set.count(),
                set.tokens(),
                perplexity.predictions(),
                set.counts().truncatedTokens(),
                each,
                sites,
                request.compute().arithmetic().name(),
                request.compute().product().name());
    }
}
