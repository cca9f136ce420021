package io.github.steelyard.moe;

import io.github.steelyard.matrix.RowPromise;
import io.github.steelyard.model.CorpusContext;
import io.github.steelyard.model.HiddenStates;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.site.Role;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Scratch;
import io.github.steelyard.work.Workers;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Runs the experts of one layer over all rows that were sent to them, as [ExpertSchedule] hands them out.
final class ExpertPass implements ExpertSchedule.Work {

    /// Intermediate features that the fused backend holds at a time.
    private static final int FUSED_FEATURES = 64;

    private final SparseMoe moe;
    private final CorpusContext context;
    private final Assignment.ByExpert rows;
    private final ShownRows shown;
    private final HiddenStates inputs;
    private final HiddenStates sums;
    private final List<Slot> slots = new ArrayList<>();
    private final List<float[]> outputs = new ArrayList<>();

    ExpertPass(
            SparseMoe moe,
            CorpusContext context,
            Assignment.ByExpert rows,
            ShownRows shown,
            HiddenStates inputs,
            HiddenStates sums) {
        this.moe = moe;
        this.context = context;
        this.rows = rows;
        this.shown = shown;
        this.inputs = inputs;
        this.sums = sums;
    }

    /// A place for the weights of one expert at a time.
    private static final class Slot {

        private final Scratch memory;
        private @Nullable Packed packed;

        Slot(Scratch memory) {
            this.memory = memory;
        }

        Packed packed() {
            return Objects.requireNonNull(packed);
        }
    }

    /// The weights of an expert in memory.
    private record Packed(Scratch.Frame frame, LinearGroup.Loaded w13, LinearGroup.Loaded w2) {}

    void run() {
        Workers workers = context.workers();
        Pass pass = workers.first().pass();
        RowPromise promise = pass.tap().sums()
                ? RowPromise.SAME_WITHIN_ROUNDING
                : pass.gemm().rows();
        Extent extent = Extent.of(rows.total(), rows.experts(), pass.threads(), promise);
        try (Scratch.Frame kept = context.layerMemory().frame()) {
            for (int i = 0; i < extent.slots(); i++) {
                slots.add(new Slot(kept.scratch()));
            }
            long values = (long) Math.min(extent.tileRows(), rows.most()) * sums.width();
            for (int i = 0; i < extent.buffers(); i++) {
                outputs.add(kept.floats(values));
            }
            ExpertSchedule schedule = new ExpertSchedule(shares(pass), rows, extent, this, workers.monitor());
            workers.forEach(workers.count(), (worker, lane) -> schedule.work(lane));
        }
    }

    private List<ExpertSchedule.Share> shares(Pass pass) {
        boolean watched = pass.tap().watches(Role.WEIGHT);
        return IntStream.range(0, rows.experts())
                .mapToObj(expert -> new ExpertSchedule.Share(expert, shown.count(expert), rows.rows(expert)))
                .filter(share -> share.rows() > 0 || share.shown() > 0 || watched)
                .toList();
    }

    @Override
    public void pack(int expert, int slot, Lane lane) {
        Slot place = slots.get(slot);
        if (place.packed != null) {
            place.packed.frame.close();
        }
        Scratch.Frame frame = place.memory.frame();
        Expert layers = moe.experts().get(expert);
        place.packed = new Packed(
                frame,
                layers.w13().load(context.weights(), lane, frame),
                layers.w2().load(context.weights(), lane, frame));
    }

    @Override
    public void compute(ExpertSchedule.Tile tile, Lane lane) {
        Packed weights = slots.get(tile.slot()).packed();
        if (tile.shown()) {
            observe(tile, weights, lane);
            return;
        }
        try (Scratch.Frame frame = lane.frame()) {
            int count = tile.count();
            float[] x = frame.floats((long) count * inputs.width());
            float[] y = outputs.get(tile.buffer());
            boolean scaled = moe.router().routing().scalesInput();
            boolean all = shown instanceof ShownRows.Others;
            turnTo(rows.block(tile.expert(), tile.row(), count, scaled, all), x, lane);
            switch (lane.pass().experts()) {
                case DECOMPOSED -> decomposed(weights.w13, weights.w2, x, count, y, lane);
                case FUSED -> fused(weights.w13, weights.w2, x, count, y, lane);
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
                moe.activation().apply(first, 0, count, features, h, lane);
                w2.multiplyColumns(h, count, from, features, y, Phase.W2, lane);
            }
        }
    }

    private void activate(float[] first, int count, float[] h, Lane lane) {
        long start = lane.begin();
        moe.activation().apply(first, 0, count, moe.innerWidth(), h, lane);
        lane.end(Phase.ACTIVATION, start, 0, 12.0 * count * moe.innerWidth());
    }

    /// Shows what tokens would bring to this expert; the second product is not needed for that.
    private void observe(ExpertSchedule.Tile tile, Packed weights, Lane lane) {
        try (Scratch.Frame frame = lane.frame()) {
            int count = tile.count();
            float[] x = frame.floats((long) count * inputs.width());
            float[] h = frame.floats((long) count * moe.innerWidth());
            float[] first = frame.floats((long) count * weights.w13.rows());
            turnTo(shown.block(tile.expert(), tile.from(), count), x, lane);
            weights.w13.tapInput(x, count, lane);
            weights.w13.multiply(x, count, first, Phase.W13, lane);
            activate(first, count, h, lane);
            weights.w2.tapInput(h, count, lane);
        }
    }

    /// Gathers rows, with which the lane works from now on.
    private void turnTo(RowBlock block, float[] x, Lane lane) {
        long start = lane.begin();
        int width = inputs.width();
        int[] tokens = block.tokens();
        for (int row = 0; row < tokens.length; row++) {
            inputs.read(tokens[row], 1, x, row * width);
            if (block.weights().length > 0) {
                lane.kernels().scale(block.weights()[row], x, row * width, width);
            }
        }
        lane.end(Phase.GATHER, start, 0, 8.0 * tokens.length * width);
        lane.turnsTo(block.source());
    }

    @Override
    public void add(ExpertSchedule.Tile tile, Lane lane) {
        long start = lane.begin();
        int width = sums.width();
        boolean scaled = moe.router().routing().scalesInput();
        float[] output = outputs.get(tile.buffer());
        try (Scratch.Frame frame = lane.frame()) {
            float[] sum = frame.floats(width);
            for (int row = 0; row < tile.count(); row++) {
                int token = rows.token(tile.expert(), tile.row() + row);
                sums.read(token, 1, sum, 0);
                float weight = scaled ? 1 : rows.weight(tile.expert(), tile.row() + row);
                lane.kernels().addScaled(weight, output, row * width, sum, 0, width);
                sums.write(token, 1, sum, 0);
            }
        }
        lane.end(Phase.COMBINE, start, 2.0 * tile.count() * width, 12.0 * tile.count() * width);
    }
}
