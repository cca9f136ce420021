package io.github.steelyard.moe;

import io.github.steelyard.matrix.RowPromise;
import io.github.steelyard.model.CorpusBody;
import io.github.steelyard.model.CorpusContext;
import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.HiddenStates;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.MemoryPlan;
import io.github.steelyard.model.Norm;
import io.github.steelyard.site.ModuleInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A sparse mixture of experts: router, routed experts, and what some families put beside or around them.
///
/// @param router the router; reads the normalised residual stream
/// @param experts the routed experts
/// @param activation the function between the two products of an expert
/// @param shared an MLP that every token takes besides
/// @param latent projections into and out of the narrower space in which the experts work
public record SparseMoe(
        Router router,
        List<Expert> experts,
        Activation activation,
        Optional<SharedExpert> shared,
        Optional<Latent> latent)
        implements CorpusBody {

    /// Projections around the experts.
    ///
    /// @param in hidden to latent
    /// @param out latent to hidden, applied to the weighted sum
    public record Latent(Linear in, Linear out) {}

    public SparseMoe {
        experts = List.copyOf(experts);
    }

    /// Returns the width of an expert's input and output.
    int expertWidth() {
        return experts.getFirst().w13().columns();
    }

    /// Returns the intermediate features of an expert.
    int innerWidth() {
        return experts.getFirst().w2().columns();
    }

    @Override
    public String kind() {
        return latent.isPresent() ? "latent moe" : "moe";
    }

    @Override
    public List<Linear> linears() {
        List<Linear> linears = new ArrayList<>();
        linears.add(router.gate());
        shared.ifPresent(s -> linears.addAll(s.linears()));
        latent.ifPresent(l -> linears.add(l.in()));
        experts.forEach(expert -> linears.addAll(expert.linears()));
        latent.ifPresent(l -> linears.add(l.out()));
        return linears;
    }

    @Override
    public List<ModuleInfo> modules() {
        return linears().stream().map(Linear::info).toList();
    }

    @Override
    public List<ExpectedTensor> tensors() {
        List<ExpectedTensor> tensors = new ArrayList<>(router.tensors());
        linears().stream()
                .filter(linear -> !linear.equals(router.gate()))
                .flatMap(linear -> linear.tensors().stream())
                .distinct()
                .forEach(tensors::add);
        return tensors;
    }

    @Override
    public int routes() {
        return router.routing().chosen();
    }

    @Override
    public long sharedFloats() {
        long experts = this.experts.stream().mapToLong(SparseMoe::floats).sum();
        return MemoryPlan.weightFloats(this) - experts;
    }

    @Override
    public long laneFloats(int longest) {
        long hidden = router.gate().info().columns();
        long sharedRows = shared.map(s -> MemoryPlan.activationFloats(s.mlp()) + 2 * hidden)
                .orElse(0L);
        long perToken = longest * (2 * hidden + router.experts() + sharedRows + expertWidth());
        Expert expert = experts.getFirst();
        long tile = Extent.MOST_ROWS * (expertWidth() + expert.w13().rows() + (long) innerWidth());
        return Math.max(perToken, tile + expertWidth());
    }

    @Override
    public long handedFloats(long tokens, int threads) {
        return Extent.of(tokens * routes(), experts.size(), threads, RowPromise.SAME_WITHIN_ROUNDING)
                .floats(floats(experts.getFirst()), expertWidth());
    }

    private static long floats(Expert expert) {
        return expert.linears().stream()
                .map(Linear::info)
                .mapToLong(info -> (long) info.rows() * info.columns())
                .sum();
    }

    @Override
    public void forward(Norm.Loaded norm, HiddenStates in, HiddenStates out, CorpusContext context) {
        new MoePass(this, context).run(norm, in, out);
    }
}
