package io.github.steelyard.evaluation;

import io.github.steelyard.adapter.Adapters;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.corpus.CalibrationSet;
import io.github.steelyard.job.ForwardPass;
import io.github.steelyard.job.Inputs;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.job.RequestException;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.HiddenStates;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.quant.FakeQuantizingTap;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.ShownTokens;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Evaluates a model beside the one that it was made from: how far its answers, and if asked for the outputs of its
/// layers, are from those of the other.
public final class ComparisonJob {

    private final ComparisonRequest request;
    private final JobListener listener;

    private ComparisonJob(ComparisonRequest request, JobListener listener) {
        this.request = request;
        this.listener = listener;
    }

    /// Evaluates both and compares them.
    ///
    /// @throws io.github.steelyard.job.RequestException if the request does not make sense, or the two have not the
    /// same
    ///     vocabulary, or layers that are to be compared
    /// @throws io.github.steelyard.job.ResourceException if memory does not suffice
    /// @throws io.github.steelyard.files.CheckpointException if a checkpoint cannot be used
    /// @throws io.github.steelyard.corpus.CorpusException if the text cannot be used, or has nothing to predict
    /// @throws io.github.steelyard.recipe.RecipeException if a run's recipe does not fit the checkpoint
    /// @throws io.github.steelyard.statistics.StatisticsException if a run is damaged, or of another checkpoint
    /// @throws io.github.steelyard.calibration.GateException if a perplexity is no number, or a scale is missing
    public static ComparisonResult run(ComparisonRequest request, JobListener listener) {
        return new ComparisonJob(request, listener).run();
    }

    private ComparisonResult run() {
        EvaluationRequest tested = request.tested();
        if (tested.logits().isPresent()) {
            throw new RequestException("a comparison keeps no logits");
        }
        try (Checkpoint checkpoint = Checkpoint.open(tested.checkpoint());
                Checkpoint other = Checkpoint.open(request.against());
                Quantised quantised = Quantised.of(tested, checkpoint, listener)) {
            Decoder decoder = Inputs.model(checkpoint, listener);
            Decoder reference = Inputs.model(other, JobListener.NONE);
            requireAlike(decoder, reference);
            CalibrationSet set = Inputs.corpus(tested.dataOptions(), checkpoint, decoder);
            Sequences sequences = Inputs.sequences(set);
            EvaluationJob.requirePredictions(tested, sequences.tokens() - sequences.count());
            Map<Site, FakeQuantizer> quantizers = quantised.quantizers(decoder);
            List<Path> adapter = tested.adapter().map(List::of).orElse(List.of());
            try (Adapters adapters = Inputs.adapters(adapter, decoder, listener);
                    Adapters others = Inputs.adapters(adapter, reference, JobListener.NONE);
                    Arena arena = Arena.ofShared()) {
                int threads = threads(
                        plan(checkpoint, decoder, sequences, adapters), plan(other, reference, sequences, others));
                Tap tap = quantizers.isEmpty() ? Tap.NONE : new FakeQuantizingTap(quantizers);
                PairedPass pair = new PairedPass(
                        side(
                                others.over(new CheckpointWeights(other), 0),
                                reference,
                                sequences,
                                Tap.NONE,
                                threads,
                                arena),
                        side(adapters.over(quantised.weights(), 0), decoder, sequences, tap, threads, arena),
                        sequences);
                return compare(pair, set, quantizers.size());
            }
        }
    }

    private void requireAlike(Decoder decoder, Decoder reference) {
        if (decoder.vocabulary() != reference.vocabulary()) {
            throw new RequestException(String.format(
                    Locale.ROOT,
                    "--against %s: a vocabulary of %d, wanted %d: other tokens",
                    request.against(),
                    reference.vocabulary(),
                    decoder.vocabulary()));
        }
        int layers = decoder.layers().size();
        int others = reference.layers().size();
        if (request.byLayers() && (layers != others || decoder.hidden() != reference.hidden())) {
            throw new RequestException(String.format(
                    Locale.ROOT,
                    "--layers: %s has %d layers of width %d, wanted %d of %d",
                    request.against(),
                    others,
                    reference.hidden(),
                    layers,
                    decoder.hidden()));
        }
    }

    private MemoryPlan plan(Checkpoint checkpoint, Decoder decoder, Sequences sequences, Adapters adapters) {
        MemoryPlan.Purpose purpose =
                request.byLayers() ? MemoryPlan.Purpose.COMPARISON_BY_LAYERS : MemoryPlan.Purpose.COMPARISON;
        return MemoryPlan.of(decoder, sequences, checkpoint, purpose).withAdapters(adapters::floats);
    }

    /// Returns how many workers the larger of the two can have, and says what both need.
    private int threads(MemoryPlan one, MemoryPlan other) {
        MemoryPlan larger = one.bytes(1) >= other.bytes(1) ? one : other;
        int threads = request.tested().compute().threadsWithin(larger, listener);
        listener.detail(String.format(
                Locale.ROOT, "the comparison takes at most %dM with %d threads", larger.mebibytes(threads), threads));
        return threads;
    }

    private PairedPass.Side side(
            Weights weights, Decoder decoder, Sequences sequences, Tap tap, int threads, Arena arena) {
        ExpertBackend experts = ForwardPass.experts(weights.checkpoint(), decoder, Optional.empty(), true);
        ForwardPass pass = new ForwardPass(
                weights,
                decoder,
                sequences,
                request.tested().compute().arithmetic(),
                request.tested().compute().product(),
                experts,
                ShownTokens.NONE,
                threads);
        return new PairedPass.Side(pass, tap, HiddenStates.allocate(arena, sequences.tokens(), decoder.hidden()));
    }

    private ComparisonResult compare(PairedPass pair, CalibrationSet set, int sites) {
        EngineListener progress = listener.passBegins("compare", set.tokens());
        if (request.byLayers()) {
            pair.compareLayers(progress);
        } else {
            pair.runLayers(progress);
        }
        Divergence found = pair.compareLogits();
        List<Double> tested = found.testedLikelihoods();
        List<Double> reference = found.referenceLikelihoods();
        String where = pair.firstNotFinite();
        EvaluationJob.requireNumbers("the perplexity", found.mean(tested), tested, where);
        EvaluationJob.requireNumbers("the perplexity of the reference", found.mean(reference), reference, where);
        double nll = found.mean(tested);
        return new ComparisonResult(
                new EvaluationResult(
                        nll,
                        Math.exp(nll),
                        set.count(),
                        set.tokens(),
                        found.predictions(),
                        set.counts().truncatedTokens(),
                        found.means(tested),
                        sites,
                        request.tested().compute().arithmetic().name(),
                        request.tested().compute().product().name()),
                against(found, tested, reference),
                request.byLayers() ? Optional.of(pair.byLayers()) : Optional.empty());
    }

    private ComparisonResult.Against against(Divergence found, List<Double> tested, List<Double> reference) {
        List<Double> differences = new ArrayList<>();
        for (int i = 0; i < tested.size(); i++) {
            differences.add(tested.get(i) - reference.get(i));
        }
        List<Double> divergences = found.divergences();
        double ratio = Math.exp(found.mean(differences));
        return new ComparisonResult.Against(
                request.against(),
                found.mean(reference),
                Math.exp(found.mean(reference)),
                found.mean(divergences),
                found.standardError(divergences),
                found.largestDivergence(),
                found.top1Agreement(),
                ratio,
                found.standardError(differences).map(error -> ratio * error),
                found.means(reference),
                found.means(divergences));
    }
}
