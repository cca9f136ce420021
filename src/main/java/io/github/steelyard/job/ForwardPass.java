package io.github.steelyard.job;

import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.CorpusContext;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Engine;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.HeadConsumer;
import io.github.steelyard.model.LayerStore;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.report.OwnExperts;
import io.github.steelyard.site.Tap;
import io.github.steelyard.site.Variants;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Monitor;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.ShownTokens;
import java.util.Optional;

/// Sequences on their way through a model, whatever the job: the one place where an engine is made.
///
/// @param weights the weights
/// @param decoder the model
/// @param sequences what goes through it
/// @param kernels the arithmetic
/// @param gemm the matrix product
/// @param experts how experts are computed: what [#experts] selected
/// @param shown which tokens experts are shown besides their own
/// @param threads worker threads
/// @param variants the copies of a text that the sequences are
public record ForwardPass(
        Weights weights,
        Decoder decoder,
        Sequences sequences,
        Kernels kernels,
        Gemm gemm,
        ExpertBackend experts,
        ShownTokens shown,
        int threads,
        Variants variants) {

    /// One copy of a text.
    public ForwardPass(
            Weights weights,
            Decoder decoder,
            Sequences sequences,
            Kernels kernels,
            Gemm gemm,
            ExpertBackend experts,
            ShownTokens shown,
            int threads) {
        this(weights, decoder, sequences, kernels, gemm, experts, shown, threads, Variants.ONE);
    }

    /// Selects how the experts of a model are computed.
    ///
    /// @param choice what the user asked for, and where
    /// @param showsW2Input whether the tensor between the two products must be there to be seen, as for all that
    ///     watches or alters it, and all that is compared with such a pass to the last bit
    /// @throws RequestException if what was asked for will not do; it says why
    public static ExpertBackend experts(
            Checkpoint checkpoint, Decoder decoder, Optional<Choice> choice, boolean showsW2Input) {
        try {
            return new OwnExperts(decoder, checkpoint.quantization()).backend(choice, showsW2Input);
        } catch (IllegalArgumentException e) {
            throw new RequestException(String.valueOf(e.getMessage()));
        }
    }

    /// Returns the same with another number of threads.
    public ForwardPass withThreads(int count) {
        return new ForwardPass(weights, decoder, sequences, kernels, gemm, experts, shown, count, variants);
    }

    /// Runs the layers that `store` does not have yet, and the head if somebody wants its logits.
    ///
    /// @param memory where rows as large as the corpus are taken from
    public void run(
            Tap tap,
            LayerStore store,
            CorpusContext.RowMemory memory,
            Profile profile,
            EngineListener listener,
            Optional<HeadConsumer> head) {
        run(tap, store, memory, profile, listener, head, Monitor.ofThreads());
    }

    /// Runs the layers before `until` that `store` does not have yet, in memory alone.
    public void runLayers(Tap tap, LayerStore store, EngineListener listener, int until) {
        engine(tap, CorpusContext.RowMemory.ANONYMOUS, Profile.NONE, Monitor.ofThreads())
                .runLayers(sequences, store, listener, until);
    }

    private Engine engine(Tap tap, CorpusContext.RowMemory memory, Profile profile, Monitor monitor) {
        Pass pass = new Pass(kernels, gemm, tap, experts, shown, threads, profile, variants);
        return new Engine(decoder, weights, pass, memory, monitor);
    }

    /// Returns the same for other sequences.
    public ForwardPass over(Sequences others) {
        return new ForwardPass(weights, decoder, others, kernels, gemm, experts, shown, threads, variants);
    }

    /// Does the same with workers that wait for one another elsewhere.
    public void run(
            Tap tap,
            LayerStore store,
            CorpusContext.RowMemory memory,
            Profile profile,
            EngineListener listener,
            Optional<HeadConsumer> head,
            Monitor monitor) {
        engine(tap, memory, profile, monitor).run(sequences, store, listener, head);
    }
}
