package io.github.steelyard.moe;

import io.github.steelyard.model.CorpusContext;
import io.github.steelyard.model.HiddenStates;
import io.github.steelyard.model.Lane;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.Pass;
import io.github.steelyard.model.Phase;
import io.github.steelyard.model.Role;
import io.github.steelyard.model.RowSource;
import io.github.steelyard.model.Scratch;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// Runs the experts of one layer, each by one worker over all rows that were sent to it. Their weighted outputs are
/// added to a token in ascending order of expert, whichever worker is done first.
final class ExpertPass {

    /// Rows that go through an expert at a time.
    static final int TILE = 512;

    /// Tiles for each worker whose outputs may be under way at once.
    static final int TILES_UNDER_WAY = 8;

    /// Intermediate features that the fused backend holds at a time.
    private static final int FUSED_FEATURES = 64;

    private final SparseMoe moe;
    private final CorpusContext context;
    private final Assignment.ByExpert rows;
    private final HiddenStates inputs;
    private final HiddenStates sums;

    ExpertPass(SparseMoe moe, CorpusContext context, Assignment.ByExpert rows, HiddenStates inputs, HiddenStates sums) {
        this.moe = moe;
        this.context = context;
        this.rows = rows;
        this.inputs = inputs;
        this.sums = sums;
    }

    void run() {
        try (Scratch.Frame kept = context.layerMemory().frame()) {
            OrderedCommits commits = new OrderedCommits(rows, outputs(kept), this::scatter);
            context.workers().forEach(moe.experts().size(), (expert, lane) -> {
                try {
                    runExpert(expert, commits, lane);
                } catch (RuntimeException | Error e) {
                    commits.fail();
                    throw e;
                }
            });
        }
    }

    private List<float[]> outputs(Scratch.Frame kept) {
        int most =
                IntStream.range(0, moe.experts().size()).map(rows::rows).max().orElse(0);
        long values = (long) Math.min(TILE, most) * sums.width();
        return Stream.generate(() -> kept.floats(values))
                .limit((long) TILES_UNDER_WAY * context.workers().count())
                .toList();
    }

    private void runExpert(int index, OrderedCommits commits, Lane lane) {
        Pass pass = lane.pass();
        int count = rows.rows(index);
        if (count == 0 && !pass.allTokens() && !lane.tap().watches(Role.WEIGHT)) {
            return;
        }
        Expert expert = moe.experts().get(index);
        try (Scratch.Frame frame = lane.frame()) {
            LinearGroup.Loaded w13 = expert.w13().load(context.weights(), lane, frame);
            LinearGroup.Loaded w2 = expert.w2().load(context.weights(), lane, frame);
            if (pass.allTokens()) {
                observeAll(w13, w2, lane);
            }
            for (int from = 0; from < count; from += TILE) {
                int tokens = Math.min(TILE, count - from);
                float[] output = commits.buffer(index);
                tile(index, from, tokens, w13, w2, output, lane);
                commits.done(new OrderedCommits.Tile(index, from, tokens, output), lane);
            }
        }
    }

    private void tile(
            int index, int from, int count, LinearGroup.Loaded w13, LinearGroup.Loaded w2, float[] y, Lane lane) {
        try (Scratch.Frame frame = lane.frame()) {
            float[] x = frame.floats((long) count * inputs.width());
            gather(index, from, count, x, lane);
            lane.turnsTo(rows.source(index, from));
            switch (lane.pass().experts()) {
                case DECOMPOSED -> decomposed(w13, w2, x, count, y, lane);
                case FUSED -> fused(w13, w2, x, count, y, lane);
            }
        }
    }

    private void decomposed(LinearGroup.Loaded w13, LinearGroup.Loaded w2, float[] x, int count, float[] y, Lane lane) {
        try (Scratch.Frame frame = lane.frame()) {
            float[] h = frame.floats((long) count * moe.innerWidth());
            float[] first = frame.floats((long) count * w13.rows());
            w13.forward(x, count, first, Phase.W13, lane);
            activate(first, count, h, lane);
            w2.forward(h, count, y, Phase.W2, lane);
        }
    }

    /// Computes a few intermediate features at a time and adds their share of the output at once.
    private void fused(LinearGroup.Loaded w13, LinearGroup.Loaded w2, float[] x, int count, float[] y, Lane lane) {
        int inner = moe.innerWidth();
        boolean gated = moe.activation().gated();
        try (Scratch.Frame frame = lane.frame()) {
            float[] first = frame.floats((long) count * 2 * FUSED_FEATURES);
            float[] h = frame.floats((long) count * FUSED_FEATURES);
            for (int from = 0; from < inner; from += FUSED_FEATURES) {
                int features = Math.min(FUSED_FEATURES, inner - from);
                int stride = gated ? 2 * features : features;
                w13.multiplyRows(x, count, from, features, first, 0, stride, Phase.W13, lane);
                if (gated) {
                    w13.multiplyRows(x, count, inner + from, features, first, features, stride, Phase.W13, lane);
                }
                moe.activation().apply(first, count, features, h, lane);
                w2.multiplyColumns(h, count, from, features, y, Phase.W2, lane);
            }
        }
    }

    private void activate(float[] first, int count, float[] h, Lane lane) {
        long start = lane.begin();
        moe.activation().apply(first, count, moe.innerWidth(), h, lane);
        lane.end(Phase.ACTIVATION, start, 0, 12.0 * count * moe.innerWidth());
    }

    /// Shows what every token would bring to this expert; the second product is not needed for that.
    private void observeAll(LinearGroup.Loaded w13, LinearGroup.Loaded w2, Lane lane) {
        for (long from = 0; from < inputs.tokens(); from += TILE) {
            try (Scratch.Frame frame = lane.frame()) {
                int count = (int) Math.min(TILE, inputs.tokens() - from);
                float[] x = frame.floats((long) count * inputs.width());
                float[] h = frame.floats((long) count * moe.innerWidth());
                float[] first = frame.floats((long) count * w13.rows());
                inputs.read(from, count, x, 0);
                lane.turnsTo(new RowSource.Every(from));
                w13.tapInput(x, count, lane);
                w13.multiply(x, count, first, Phase.W13, lane);
                activate(first, count, h, lane);
                w2.tapInput(h, count, lane);
            }
        }
    }

    private void gather(int expert, int from, int count, float[] x, Lane lane) {
        long start = lane.begin();
        int width = inputs.width();
        boolean scaled = moe.router().routing().scalesInput();
        for (int row = 0; row < count; row++) {
            inputs.read(rows.token(expert, from + row), 1, x, row * width);
            if (scaled) {
                lane.kernels().scale(rows.weight(expert, from + row), x, row * width, width);
            }
        }
        lane.end(Phase.GATHER, start, 0, 8.0 * count * width);
    }

    private void scatter(OrderedCommits.Tile tile, Lane lane) {
        long start = lane.begin();
        int width = sums.width();
        boolean scaled = moe.router().routing().scalesInput();
        try (Scratch.Frame frame = lane.frame()) {
            float[] sum = frame.floats(width);
            for (int row = 0; row < tile.count(); row++) {
                int token = rows.token(tile.expert(), tile.from() + row);
                sums.read(token, 1, sum, 0);
                float weight = scaled ? 1 : rows.weight(tile.expert(), tile.from() + row);
                lane.kernels().addScaled(weight, tile.output(), row * width, sum, 0, width);
                sums.write(token, 1, sum, 0);
            }
        }
        lane.end(Phase.COMBINE, start, 2.0 * tile.count() * width, 12.0 * tile.count() * width);
    }
}
