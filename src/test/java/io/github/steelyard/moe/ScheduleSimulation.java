package io.github.steelyard.moe;

import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.matrix.RowPromise;
import io.github.steelyard.mixer.Attention;
import io.github.steelyard.mixer.AttentionCore;
import io.github.steelyard.mixer.LatentAttention;
import io.github.steelyard.model.Body;
import io.github.steelyard.model.CorpusBody;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.model.SequenceBody;
import io.github.steelyard.site.Tap;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.ShownTokens;
import io.github.steelyard.work.SimulatedTime;
import io.github.steelyard.work.Workers;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// A calibration on any number of workers in simulated time: the classes that hand out work are those that run
/// ([Workers], [ExpertSchedule]); what is handed out takes as long as operations and bytes take at measured rates.
///
/// Not simulated: what workers do to one another through memory, caches, clock and the operating system.
final class ScheduleSimulation {

    /// Rates of one worker.
    ///
    /// @param products operations per second of a product whose weight lies in the cache
    /// @param weights bytes per second at which a packed weight comes from memory, once for each block of rows
    /// @param attention operations per second, counting the causal half
    /// @param rows bytes per second at which rows are gathered, added, normalised, looked at
    /// @param packing bytes per second of packed weights
    /// @param checksum bytes per second
    /// @param sorting routes per second that are sorted by expert
    record Rates(
            double products,
            double weights,
            double attention,
            double rows,
            double packing,
            double checksum,
            double sorting) {}

    /// What came of it.
    ///
    /// @param seconds time of all layers
    /// @param efficiency share of that time that the workers were at work, the work being counted as one worker does it
    record Result(double seconds, double efficiency) {}

    private static final double FLOAT = 4;
    private static final int PIECE = 16 << 20; // of a checksum
    private static final int BLOCK_FLOATS = 4 << 20; // of a weight
    private static final double[] GAUSSIANS = gaussians();

    private final Decoder decoder;
    private final int sequences;
    private final int length;
    private final double skew;
    private final Rates rates;
    private final double noise;
    private final Map<SparseMoe, Assignment.ByExpert> routes = new LinkedHashMap<>();

    /// @param skew how much experts differ in popularity: standard deviation of their logits' means, in that of a
    /// token's
    /// @param noise by how much the times of equal pieces of work differ: standard deviation of their logarithm
    ScheduleSimulation(Decoder decoder, int sequences, int length, double skew, double noise, Rates rates) {
        this.decoder = decoder;
        this.sequences = sequences;
        this.length = length;
        this.skew = skew;
        this.rates = rates;
        this.noise = noise;
    }

    /// Returns what so many workers reach.
    Result run(int threads) {
        double ideal = pass(1).spent / threads;
        double seconds = pass(threads).now;
        return new Result(seconds, ideal / seconds);
    }

    private record Times(double now, double spent) {}

    /// Layers that are alike are simulated once.
    private Times pass(int threads) {
        Map<String, Integer> counts = new LinkedHashMap<>();
        Map<String, Decoder.Layer> examples = new LinkedHashMap<>();
        for (Decoder.Layer layer : decoder.layers()) {
            counts.merge(layer.kind(), 1, Integer::sum);
            examples.putIfAbsent(layer.kind(), layer);
        }
        double now = 0;
        double spent = 0;
        for (Map.Entry<String, Decoder.Layer> example : examples.entrySet()) {
            int count = counts.getOrDefault(example.getKey(), 0);
            SimulatedTime time = new SimulatedTime(threads, () -> 0);
            try (Workers workers = workers(threads, time)) {
                new Layer(time, workers).run(example.getValue());
            }
            now += count * time.now();
            spent += count * time.spent();
        }
        return new Times(now, spent);
    }

    private static Workers workers(int threads, SimulatedTime time) {
        Pass pass = new Pass(
                Kernels.reference(),
                Gemm.select("reference"),
                Tap.NONE,
                ExpertBackend.DECOMPOSED,
                ShownTokens.NONE,
                threads,
                Profile.NONE);
        return new Workers(pass, module -> {}, time, Thread.ofVirtual().factory());
    }

    private static double floats(Linear linear) {
        return (double) linear.info().rows() * linear.info().columns();
    }

    private static double[] gaussians() {
        SplittableRandom random = new SplittableRandom(2);
        return IntStream.range(0, 1 << 16)
                .mapToDouble(i -> random.nextGaussian())
                .toArray();
    }

    private Assignment.ByExpert routes(SparseMoe moe) {
        return routes.computeIfAbsent(moe, this::route);
    }

    private Assignment.ByExpert route(SparseMoe moe) {
        int experts = moe.experts().size();
        SplittableRandom random = new SplittableRandom(1);
        double[] means = IntStream.range(0, experts)
                .mapToDouble(expert -> skew * random.nextGaussian())
                .toArray();
        Assignment assignment = new Assignment((long) sequences * length, moe.routes());
        Routing routing = new Routing.Softmax(moe.routes(), false);
        float[] logits = new float[experts];
        for (int token = 0; token < sequences * length; token++) {
            for (int expert = 0; expert < experts; expert++) {
                logits[expert] = (float) (means[expert] + GAUSSIANS[random.nextInt() & (GAUSSIANS.length - 1)]);
            }
            assignment.choose(routing, token, logits, 0, experts, new float[0]);
        }
        return assignment.byExpert(experts);
    }

    /// One layer on its way through the workers, written as [io.github.steelyard.model.Engine] and [MoePass] run it.
    private final class Layer {

        private final SimulatedTime time;
        private final Workers workers;
        private final int hidden = decoder.hidden();
        private final SplittableRandom random = new SplittableRandom(7);

        Layer(SimulatedTime time, Workers workers) {
            this.time = time;
            this.workers = workers;
        }

        void run(Decoder.Layer layer) {
            for (Decoder.Block block : layer.blocks()) {
                Body body = block.body();
                switch (body) {
                    case SequenceBody sequence -> {
                        pack(sequence.linears());
                        workers.forEach(sequences, (item, lane) -> sequence(sequence, lane));
                    }
                    case SparseMoe moe -> moe(moe);
                    case CorpusBody other -> throw new IllegalArgumentException(other.kind());
                }
            }
            double bytes = FLOAT * sequences * length * hidden;
            workers.forEach((int) Math.ceil(bytes / PIECE), (piece, lane) -> spend(PIECE / rates.checksum));
        }

        private void spend(double seconds) {
            time.spend(seconds * Math.exp(noise * random.nextGaussian() - noise * noise / 2));
        }

        private void pack(List<Linear> linears) {
            workers.forEach(1, (item, lane) -> {
                for (Linear linear : linears) {
                    double floats = floats(linear);
                    int blocks = (int) Math.ceil(floats / BLOCK_FLOATS);
                    lane.share(blocks, (block, worker) -> spend(FLOAT * floats / blocks / rates.packing));
                }
            });
        }

        private void sequence(SequenceBody body, Lane lane) {
            rows(2, hidden, lane); // read, norm
            forward(body, lane);
            rows(2, hidden, lane); // add, write
        }

        private void forward(SequenceBody body, Lane lane) {
            switch (body) {
                case DenseMlp mlp -> {
                    product(mlp.first(), lane);
                    rows(2, mlp.down().columns(), lane);
                    product(mlp.down(), lane);
                }
                case Attention attention -> {
                    product(attention.qkv(), lane);
                    rows(3, attention.qkv().rows(), lane);
                    attend(attention.core(), lane);
                    product(attention.output(), lane);
                }
                case LatentAttention attention -> {
                    product(attention.first(), lane);
                    attention.queryLatent().ifPresent(latent -> product(latent.up(), lane));
                    rows(2, attention.first().rows(), lane);
                    product(attention.latentUp(), lane);
                    rows(3, attention.latentUp().rows(), lane);
                    attend(attention.core(), lane);
                    product(attention.output(), lane);
                }
                default -> throw new IllegalArgumentException(body.kind());
            }
        }

        /// Passes over all rows of a sequence, shared.
        private void rows(int passes, int width, Lane lane) {
            lane.shareRows(length, (from, count, worker) -> spend(passes * FLOAT * count * width / rates.rows));
        }

        private void product(LinearGroup group, Lane lane) {
            spend(FLOAT * length * group.columns() / rates.rows); // statistics, by the owner alone
            lane.shareRows(length, (from, count, worker) -> spend(product(count, group)));
        }

        private double product(int rows, LinearGroup group) {
            double weight = (double) group.rows() * group.columns();
            return 2 * rows * weight / rates.products + FLOAT * weight / rates.weights;
        }

        private void attend(AttentionCore core, Lane lane) {
            int block = MemoryPlan.QUERIES_AT_ONCE;
            int blocks = Math.ceilDiv(length, block);
            double flops = 2.0 * core.heads() / core.keyHeads() * (core.keyWidth() + core.valueWidth());
            lane.shareGroups(core.keyHeads(), blocks, (head, deal, deals, worker) -> {
                double packed = FLOAT * length * (core.keyWidth() + core.valueWidth());
                double pairs = 0;
                for (int first = deal * block; first < length; first += deals * block) {
                    for (int i = first; i < Math.min(length, first + block); i++) {
                        pairs += i + 1 - core.mask().first(i);
                    }
                }
                spend(packed / rates.packing + pairs * flops / rates.attention);
            });
        }

        private void moe(SparseMoe moe) {
            if (moe.latent().isPresent()) {
                throw new IllegalArgumentException(moe.kind());
            }
            pack(Stream.concat(
                            Stream.of(moe.router().gate()),
                            moe.shared().stream().flatMap(shared -> shared.linears().stream()))
                    .toList());
            LinearGroup router = moe.router().group();
            workers.forEach(sequences, (item, lane) -> {
                rows(2, hidden, lane);
                product(router, lane);
                rows(1, moe.router().experts(), lane);
                moe.shared().ifPresent(shared -> {
                    rows(2, hidden, lane);
                    forward(shared.mlp(), lane);
                });
                rows(2, hidden, lane);
            });
            Assignment.ByExpert rows = routes(moe);
            time.spendAlone(rows.total() / rates.sorting);
            Extent extent = Extent.of(rows.total(), rows.experts(), workers.count(), RowPromise.SAME_BITS);
            List<ExpertSchedule.Share> shares = IntStream.range(0, rows.experts())
                    .mapToObj(expert -> new ExpertSchedule.Share(expert, 0, rows.rows(expert)))
                    .toList();
            ExpertSchedule schedule = new ExpertSchedule(shares, rows, extent, new Experts(moe), workers.monitor());
            workers.forEach(workers.count(), (item, lane) -> schedule.work(lane));
        }

        private final class Experts implements ExpertSchedule.Work {

            private final SparseMoe moe;

            Experts(SparseMoe moe) {
                this.moe = moe;
            }

            @Override
            public void pack(int expert, int slot, Lane lane) {
                spend(moe.experts().get(expert).linears().stream()
                                .mapToDouble(ScheduleSimulation::floats)
                                .sum()
                        * FLOAT
                        / rates.packing);
            }

            @Override
            public void compute(ExpertSchedule.Tile tile, Lane lane) {
                Expert expert = moe.experts().get(tile.expert());
                double rows = tile.count()
                        * FLOAT
                        * (3.0 * moe.expertWidth() + expert.w13().rows() + 2.0 * moe.innerWidth());
                spend(rows / rates.rows + product(tile.count(), expert.w13()) + product(tile.count(), expert.w2()));
            }

            @Override
            public void add(ExpertSchedule.Tile tile, Lane lane) {
                spend(3 * FLOAT * tile.count() * moe.expertWidth() / rates.rows);
            }
        }
    }
}
