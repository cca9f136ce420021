package io.github.steelyard.report;

import io.github.steelyard.calibration.Solvers;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.format.Format;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.moe.SparseMoe;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// What a calibration will take, before any weight is read.
///
/// @param tokens calibration tokens
/// @param tokensAre how the number is known: `counted`, `given`, `assumed`
/// @param flops floating-point operations of all products; attention scores are not counted
/// @param gflopsPerSecond rate of the matrix product here; 0 if not measured
/// @param seconds time of the products alone at that rate, a lower bound of the pass; null if not measured
/// @param memoryBytes memory that the process needs with this many workers
/// @param leastMemoryBytes memory that it needs with one
/// @param threads workers
/// @param stateBytes residual streams kept on disk or in mapped memory while the pass runs
/// @param exportBytes size of the tensors that an export writes
/// @param coverage routed tokens per expert, one entry per different kind of layer
public record Forecast(
        long tokens,
        String tokensAre,
        double flops,
        double gflopsPerSecond,
        @Nullable Double seconds,
        long memoryBytes,
        long leastMemoryBytes,
        int threads,
        long stateBytes,
        long exportBytes,
        List<Coverage> coverage) {

    /// The calibration text.
    ///
    /// @param tokens its tokens
    /// @param tokensAre how the number is known
    /// @param longest tokens of the longest sequence
    public record Text(long tokens, String tokensAre, int longest) {}

    /// What the calibration runs on.
    ///
    /// @param threads workers
    /// @param gflopsPerSecond rate of the matrix product; empty: not measured
    public record Machine(int threads, Optional<Double> gflopsPerSecond) {}

    /// What is known before the forecast.
    ///
    /// @param text the calibration text
    /// @param machine what it runs on
    /// @param allExperts whether each expert also sees every token, in a pass of its own
    /// @param minTokens routed tokens that an expert needs
    /// @param tensors tensors of the checkpoint; empty where it has no weights
    /// @param counts tokens routed to each expert by router name, of a probe; empty without one
    /// @param probed tokens of the probe
    public record Basis(
            Text text,
            Machine machine,
            boolean allExperts,
            long minTokens,
            OptionalInt tensors,
            Map<String, long[]> counts,
            long probed) {}

    /// Routed tokens per expert.
    ///
    /// @param layers how many layers
    /// @param experts routed experts
    /// @param chosen experts per token
    /// @param perExpert mean tokens per expert
    /// @param starved experts expected below the minimum, over these layers
    /// @param basis `uniform routing` or `probe of N tokens`
    public record Coverage(int layers, int experts, int chosen, double perExpert, double starved, String basis) {}

    private static final int BYTES_PER_FLOAT = 4;
    private static final int STREAMS = 2;
    private static final double LARGE_MEAN = 600;
    private static final int TENSORS_PER_LINEAR = 4;

    /// Computes the forecast.
    public static Forecast of(Decoder decoder, QuantizationConfig stored, Optional<Plan> plan, Basis basis) {
        long tokens = basis.text().tokens();
        int threads = basis.machine().threads();
        Optional<Double> rate = basis.machine().gflopsPerSecond();
        boolean twice = plan.filter(Solvers::isWanted).isPresent(); // what is solved in the second pass comes besides
        double flops = 2.0
                * tokens
                * (activeWeights(decoder, basis.allExperts()) + (twice ? activeWeights(decoder, false) : 0));
        MemoryPlan memory = new MemoryPlan(
                decoder,
                basis.text().longest(),
                tokens,
                basis.tensors().orElse(decoder.linears().size() * TENSORS_PER_LINEAR),
                Solvers.memory(plan));
        return new Forecast(
                tokens,
                basis.text().tokensAre(),
                flops,
                rate.orElse(0.0),
                rate.map(gflops -> flops / (gflops * 1e9)).orElse(null),
                memory.mebibytes(threads) << 20,
                memory.mebibytes(1) << 20,
                threads,
                STREAMS * tokens * decoder.hidden() * BYTES_PER_FLOAT,
                exportBytes(decoder, stored, plan),
                coverage(decoder, basis));
    }

    /// Weights that one token meets, the head excluded: a calibration does not need it.
    private static double activeWeights(Decoder decoder, boolean allExperts) {
        double weights = 0;
        for (Decoder.Layer layer : decoder.layers()) {
            for (Decoder.Block block : layer.blocks()) {
                for (ModuleInfo module : block.body().modules()) {
                    if (module.kind() != ModuleInfo.Kind.ATTENTION) {
                        double size = (double) module.rows() * module.columns();
                        weights += block.body() instanceof SparseMoe moe ? size * share(moe, module, allExperts) : size;
                    }
                }
            }
        }
        return weights;
    }

    /// Share of the tokens that meet a module. Of those that an expert is only shown, the first product is computed,
    /// and
    /// where a router scales inputs, the routed ones are shown as well.
    private static double share(SparseMoe moe, ModuleInfo module, boolean allExperts) {
        if (module.expert().isEmpty()) {
            return 1;
        }
        double routed = (double) moe.router().routing().chosen() / moe.experts().size();
        if (!allExperts || module.expert().get().product().isSecond()) {
            return routed;
        }
        return moe.router().routing().scalesInput() ? routed + 1 : 1;
    }

    /// What no rule decides about stays as it is stored.
    private static long exportBytes(Decoder decoder, QuantizationConfig stored, Optional<Plan> plan) {
        double bytes = Format.PLAIN.bytes(decoder.vocabulary(), decoder.hidden());
        for (ModuleInfo module : decoder.modules()) {
            if (module.kind() != ModuleInfo.Kind.ATTENTION) {
                double bits = plan.flatMap(p -> p.format(new Site(module.name(), Role.WEIGHT)))
                        .map(Format::bitsPerWeight)
                        .orElseGet(() -> stored.declarationOf(module.name())
                                .map(declared -> declared.format().bitsPerWeight())
                                .orElse(Format.PLAIN.bitsPerWeight()));
                bytes += (double) module.rows() * module.columns() * bits / 8;
            }
        }
        return (long) bytes;
    }

    private static List<Coverage> coverage(Decoder decoder, Basis basis) {
        List<Coverage> coverage = new ArrayList<>();
        for (Decoder.Layer layer : decoder.layers()) {
            for (Decoder.Block block : layer.blocks()) {
                if (block.body() instanceof SparseMoe moe) {
                    merge(coverage, one(moe, basis));
                }
            }
        }
        return coverage;
    }

    private static void merge(List<Coverage> all, Coverage next) {
        for (int i = 0; i < all.size(); i++) {
            Coverage c = all.get(i);
            if (c.experts == next.experts && c.chosen == next.chosen && c.basis.equals(next.basis)) {
                all.set(
                        i,
                        new Coverage(
                                c.layers + 1, c.experts, c.chosen, c.perExpert, c.starved + next.starved, c.basis));
                return;
            }
        }
        all.add(next);
    }

    private static Coverage one(SparseMoe moe, Basis basis) {
        int experts = moe.experts().size();
        int chosen = moe.router().routing().chosen();
        double mean = (double) basis.text().tokens() * chosen / experts;
        long[] counts = basis.counts().get(moe.router().gate().info().name());
        double starved = 0;
        for (int expert = 0; expert < experts; expert++) {
            // Half a token for an expert that the probe did not meet: it may be rare rather than dead.
            double expected = counts == null
                    ? mean
                    : Math.max((double) counts[expert], 0.5) * basis.text().tokens() / Math.max(1, basis.probed());
            starved += poissonBelow(expected, basis.minTokens());
        }
        String how =
                counts == null ? "uniform routing" : String.format(Locale.ROOT, "probe of %d tokens", basis.probed());
        return new Coverage(1, experts, chosen, mean, starved, how);
    }

    /// Probability that a Poisson variable of this mean is below `limit`.
    static double poissonBelow(double mean, long limit) {
        if (mean > LARGE_MEAN) {
            return limit > mean ? 1 : 0; // e^-mean is no double any more, and the spread no longer matters
        }
        double term = Math.exp(-mean);
        double sum = 0;
        for (long k = 0; k < limit && term > 0; k++) {
            sum += term;
            term *= mean / (k + 1);
        }
        return Math.min(1, sum);
    }

    /// Describes the forecast for people.
    List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add(String.format(Locale.ROOT, "forecast for %,d tokens (%s)", tokens, tokensAre));
        lines.add("  work:     %s of matrix products".formatted(operations(flops)));
        if (seconds != null) {
            lines.add(String.format(
                            Locale.ROOT,
                            "  time:     at least %s: the products alone, at the %.0f GFLOP/s that %d threads reach; attention",
                            duration(seconds),
                            gflopsPerSecond,
                            threads)
                    + " scores, decoding and reading of weights come on top");
        }
        lines.add(String.format(
                Locale.ROOT,
                "  memory:   --memory %dM for %d threads, at least %dM for one",
                memoryBytes >> 20,
                threads,
                leastMemoryBytes >> 20));
        lines.add("  disk:     %s while it runs, %s exported".formatted(size(stateBytes), size(exportBytes)));
        for (Coverage c : coverage) {
            lines.add(String.format(
                    Locale.ROOT,
                    "  coverage: %d layers of %d experts, %d chosen: %.0f tokens per expert, %.1f starved (%s)",
                    c.layers,
                    c.experts,
                    c.chosen,
                    c.perExpert,
                    c.starved,
                    c.basis));
        }
        return lines;
    }

    private static String operations(double flops) {
        return flops >= 1e12
                ? String.format(Locale.ROOT, "%.1f TFLOP", flops / 1e12)
                : String.format(Locale.ROOT, "%.1f GFLOP", flops / 1e9);
    }

    private static String size(long bytes) {
        return bytes >= 1L << 30
                ? String.format(Locale.ROOT, "%.2f GiB", bytes / (double) (1L << 30))
                : String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1L << 20));
    }

    private static String duration(double seconds) {
        return seconds < 120
                ? String.format(Locale.ROOT, "%.1f s", seconds)
                : seconds < 7200
                        ? String.format(Locale.ROOT, "%.0f min", seconds / 60)
                        : String.format(Locale.ROOT, "%.1f h", seconds / 3600);
    }
}
