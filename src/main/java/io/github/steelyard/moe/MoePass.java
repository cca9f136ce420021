package io.github.steelyard.moe;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.model.CorpusContext;
import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.HiddenStates;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.Norm;
import io.github.steelyard.model.SequenceBody;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Scratch;
import io.github.steelyard.work.ShownTokens;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// One run of a [SparseMoe] over the corpus, in three steps: what is done token by token (norm, router, shared expert,
/// way into the latent space), the experts one after the other, the way out of the latent space.
final class MoePass {

    private final SparseMoe moe;
    private final CorpusContext context;
    private final Sequences sequences;
    private final Assignment assignment;
    private final ShownTokens policy;
    private final Optional<NearestTokens> nearest;

    MoePass(SparseMoe moe, CorpusContext context) {
        this.moe = moe;
        this.context = context;
        this.sequences = context.sequences();
        this.assignment =
                new Assignment(sequences.tokens(), moe.router().routing().chosen());
        this.policy = context.workers().first().pass().shown();
        this.nearest = nearest();
    }

    void run(Norm.Loaded norm, HiddenStates in, HiddenStates out) {
        HiddenStates inputs = context.rows().rows("expert-inputs", sequences.tokens(), moe.expertWidth());
        HiddenStates sums = moe.latent().isEmpty()
                ? out
                : context.rows().rows("latent-sums", sequences.tokens(), moe.expertWidth());
        perToken(norm, in, out, inputs, sums);
        context.listener()
                .routed(
                        moe.router().gate().info().name(),
                        assignment.counts(moe.experts().size()));
        Assignment.ByExpert rows = assignment.byExpert(moe.experts().size());
        new ExpertPass(moe, context, rows, shown(rows), inputs, sums).run();
        if (moe.latent().isPresent()) {
            leaveLatent(sums, out);
        }
    }

    /// Returns how the nearest tokens of each expert are found, if the pass wants any.
    private Optional<NearestTokens> nearest() {
        return switch (policy) {
            case ShownTokens.None none -> Optional.empty();
            case ShownTokens.All all -> Optional.empty();
            case ShownTokens.Nearest wanted ->
                Optional.of(new NearestTokens(moe.experts().stream()
                        .mapToInt(expert -> lacking(wanted, expert))
                        .toArray()));
        };
    }

    /// Returns what experts are shown besides their own rows.
    private ShownRows shown(Assignment.ByExpert rows) {
        boolean scaled = moe.router().routing().scalesInput();
        return switch (policy) {
            case ShownTokens.None none -> new ShownRows.None();
            case ShownTokens.All all ->
                scaled ? new ShownRows.Every(sequences.tokens()) : new ShownRows.Others(rows, sequences.tokens());
            case ShownTokens.Nearest wanted -> new ShownRows.Nearest(chosen(wanted, rows), scaled);
        };
    }

    private List<NearestTokens.Chosen> chosen(ShownTokens.Nearest wanted, Assignment.ByExpert rows) {
        List<NearestTokens.Chosen> chosen = new ArrayList<>();
        for (int e = 0; e < moe.experts().size(); e++) {
            int lacking = lacking(wanted, moe.experts().get(e)) - rows.rows(e);
            chosen.add(nearest.orElseThrow().nearest(e, Math.max(0, lacking)));
        }
        return chosen;
    }

    private static int lacking(ShownTokens.Nearest wanted, Expert expert) {
        return Math.max(0, wanted.lacking().applyAsInt(expert.name()));
    }

    /// The weights that every token passes.
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record PerToken(
            LinearGroup.Loaded router,
            float[] correctionBias,
            SequenceBody.@Nullable Loaded shared,
            LinearGroup.@Nullable Loaded sharedGate,
            LinearGroup.@Nullable Loaded latentIn) {}

    private void perToken(Norm.Loaded norm, HiddenStates in, HiddenStates out, HiddenStates inputs, HiddenStates sums) {
        boolean changed = out != in || moe.shared().isPresent();
        try (Scratch.Frame kept = context.layerMemory().frame()) {
            PerToken weights = context.workers().lead(lane -> load(kept, lane));
            context.workers().forEach(sequences.count(), (sequence, lane) -> {
                try (Scratch.Frame frame = lane.frame()) {
                    int tokens = sequences.length(sequence);
                    int hidden = in.width();
                    float[] x = frame.floats((long) tokens * hidden);
                    float[] normed = frame.floats((long) tokens * hidden);
                    long start = sequences.start(sequence);
                    lane.shareRows(tokens, (first, count, worker) -> {
                        norm.read(in, start + first, count, x, normed, first * hidden, worker);
                    });
                    lane.turnsTo(new RowSource.Sequence(sequence));
                    route(weights, normed, sequence, lane);
                    addShared(weights, normed, tokens, x, hidden, lane);
                    float[] input = normed;
                    if (weights.latentIn != null) {
                        input = frame.floats((long) tokens * moe.expertWidth());
                        weights.latentIn.forward(normed, tokens, input, Phase.DENSE, lane);
                    }
                    float[] expertInput = input;
                    lane.shareRows(tokens, (first, count, worker) -> {
                        if (changed) {
                            out.write(start + first, count, x, first * hidden);
                        }
                        inputs.write(start + first, count, expertInput, first * inputs.width());
                        if (sums != out) {
                            sums.clear(start + first, count);
                        }
                    });
                }
            });
        }
    }

    private PerToken load(Scratch.Frame kept, Lane lane) {
        return new PerToken(
                moe.router().group().load(context.weights(), lane, kept),
                moe.router().correctionBias().map(this::correctionBias).orElseGet(() -> new float[0]),
                moe.shared()
                        .map(s -> s.mlp().load(context.weights(), lane, kept, sequences.longest()))
                        .orElse(null),
                moe.shared()
                        .flatMap(SharedExpert::gate)
                        .map(gate -> LinearGroup.of(gate).load(context.weights(), lane, kept))
                        .orElse(null),
                moe.latent()
                        .map(l -> LinearGroup.of(l.in()).load(context.weights(), lane, kept))
                        .orElse(null));
    }

    private float[] correctionBias(ExpectedTensor tensor) {
        String name = tensor.name();
        float[] bias = context.weights().vector(name, tensor.shape());
        for (int e = 0; e < bias.length; e++) {
            if (!Float.isFinite(bias[e])) {
                throw new CheckpointException(
                        context.weights().checkpoint().tensor(name).file(),
                        String.format(
                                Locale.ROOT,
                                "tensor '%s': value %d is %s, which leaves the choice of experts undefined",
                                name,
                                e,
                                bias[e]));
            }
        }
        return bias;
    }

    /// Refuses scores that are no numbers where the router's input is all numbers: its weight or bias is to blame. An
    /// input with NaN comes from an earlier layer, and the statistics of its sites tell of it.
    private void requireFinite(float[] logits, float[] normed, int from, int count) {
        int experts = moe.router().experts();
        int hidden = moe.router().gate().info().columns();
        for (int token = from; token < from + count; token++) {
            if (!isFinite(logits, token * experts, experts) && isFinite(normed, token * hidden, hidden)) {
                throw new CheckpointException(
                        context.weights().checkpoint().directory(),
                        "router '%s' gives scores that are NaN or infinite for an input of finite values"
                                .formatted(moe.router().gate().info().name()));
            }
        }
    }

    private static boolean isFinite(float[] values, int from, int count) {
        for (int i = from; i < from + count; i++) {
            if (!Float.isFinite(values[i])) {
                return false;
            }
        }
        return true;
    }

    private void route(PerToken weights, float[] normed, int sequence, Lane lane) {
        int tokens = sequences.length(sequence);
        int experts = moe.router().experts();
        try (Scratch.Frame frame = lane.frame()) {
            float[] logits = frame.floats((long) tokens * experts);
            weights.router.forward(normed, tokens, logits, Phase.ROUTER, lane);
            lane.shareRows(tokens, (from, count, worker) -> {
                requireFinite(logits, normed, from, count);
                for (int token = from; token < from + count; token++) {
                    assignment.choose(
                            moe.router().routing(),
                            sequences.start(sequence) + token,
                            logits,
                            token * experts,
                            experts,
                            weights.correctionBias);
                    offer(sequences.start(sequence) + token, logits, token * experts, weights.correctionBias);
                }
            });
        }
    }

    private void offer(long token, float[] logits, int offset, float[] bias) {
        if (nearest.isPresent()) {
            Routing routing = moe.router().routing();
            float[] scores = routing.compared(logits, offset, moe.router().experts(), bias);
            nearest.get().offer(routing, scores, (int) token, assignment.of(token));
        }
    }

    private static void addShared(PerToken weights, float[] normed, int tokens, float[] x, int hidden, Lane lane) {
        if (weights.shared == null) {
            return;
        }
        try (Scratch.Frame frame = lane.frame()) {
            float[] y = frame.floats((long) tokens * hidden);
            float[] copy = frame.floats((long) tokens * hidden);
            System.arraycopy(normed, 0, copy, 0, tokens * hidden);
            weights.shared.forward(copy, tokens, y, lane);
            if (weights.sharedGate != null) {
                float[] gate = frame.floats(tokens);
                weights.sharedGate.forward(normed, tokens, gate, Phase.DENSE, lane);
                lane.kernels().sigmoid(gate, 0, tokens);
                for (int token = 0; token < tokens; token++) {
                    lane.kernels().scale(gate[token], y, token * hidden, hidden);
                }
            }
            lane.shareRows(
                    tokens,
                    (first, count, worker) ->
                            worker.kernels().add(y, first * hidden, x, first * hidden, count * hidden));
        }
    }

    private void leaveLatent(HiddenStates sums, HiddenStates out) {
        try (Scratch.Frame kept = context.layerMemory().frame()) {
            LinearGroup projection = LinearGroup.of(moe.latent().orElseThrow().out());
            LinearGroup.Loaded latentOut =
                    context.workers().lead(lane -> projection.load(context.weights(), lane, kept));
            context.workers().forEach(sequences.count(), (sequence, lane) -> {
                try (Scratch.Frame frame = lane.frame()) {
                    int tokens = sequences.length(sequence);
                    long row = sequences.start(sequence);
                    float[] sum = frame.floats((long) tokens * sums.width());
                    float[] y = frame.floats((long) tokens * out.width());
                    float[] x = frame.floats((long) tokens * out.width());
                    sums.read(row, tokens, sum, 0);
                    lane.turnsTo(new RowSource.Sequence(sequence));
                    latentOut.forward(sum, tokens, y, Phase.DENSE, lane);
                    out.read(row, tokens, x, 0);
                    lane.kernels().add(y, 0, x, 0, tokens * out.width());
                    out.write(row, tokens, x, 0);
                }
            });
        }
    }
}
