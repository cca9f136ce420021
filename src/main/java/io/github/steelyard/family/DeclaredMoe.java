package io.github.steelyard.family;

import io.github.steelyard.blueprint.Blueprint;
import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.Modules;
import io.github.steelyard.moe.Activation;
import io.github.steelyard.moe.Expert;
import io.github.steelyard.moe.Router;
import io.github.steelyard.moe.Routing;
import io.github.steelyard.moe.SharedExpert;
import io.github.steelyard.moe.SparseMoe;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.FusedStack;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The experts of a declared family.
///
/// @param common the config
/// @param moe what the file says
record DeclaredMoe(CommonConfig common, Blueprint.Moe moe) {

    SparseMoe of(int layer) {
        String name = common.naming().layer(layer) + "." + moe.name();
        int count = common.experts(moe.count());
        Linear gate = ExpertBlocks.gate(common, name + "." + moe.router(), layer, count);
        return new SparseMoe(
                new Router(gate, moe.correction().map(leaf -> correction(name + "." + leaf, count)), routing(count)),
                experts(name + ".experts", layer, count),
                new Activation.GatedSilu(),
                moe.shared().flatMap(shared -> shared(shared, name, layer)),
                Optional.empty());
    }

    private ExpectedTensor correction(String name, int count) {
        String renamed = ExpertBlocks.renamed(name);
        boolean resaved =
                !common.source().has().test(name) && common.source().has().test(renamed);
        Shape shape = moe.correctionRow() ? Shape.of(1, count) : Shape.of(count);
        return new ExpectedTensor(resaved ? renamed : name, shape);
    }

    private Routing routing(int count) {
        DeclaredFamily.Settings settings = new DeclaredFamily.Settings(common);
        boolean renormalise = settings.holds(moe.renormalise());
        float scale = settings.factor(moe.scale());
        int groups = settings.count(moe.groups(), 1, count);
        if (count % groups != 0) {
            throw common.config()
                    .unsuitable(
                            moe.groups().keys().getFirst(),
                            String.format(Locale.ROOT, "a divisor of %s = %d", moe.count(), count));
        }
        int kept = settings.count(moe.keptGroups(), 1, groups);
        int chosen = common.uniform(moe.chosen(), 1, count / groups * kept);
        return switch (moe.choice()) {
            case SOFTMAX -> new Routing.Softmax(chosen, renormalise);
            case CORRECTED_SOFTMAX -> new Routing.CorrectedSoftmax(chosen, settings.factor(moe.floor()));
            case SOFTMAX_OF_CHOSEN -> new Routing.SoftmaxOfChosen(chosen);
            case SIGMOID -> new Routing.GroupedSigmoid(chosen, groups, kept, renormalise, scale);
        };
    }

    private List<Expert> experts(String name, int layer, int count) {
        int inner = new DeclaredFamily.Settings(common).size(moe.inner());
        ExpertBlocks blocks = new ExpertBlocks(common.source(), name, layer, count, common.hidden(), inner);
        List<String> leaves = moe.projections();
        return switch (moe.stored()) {
            case SINGLE -> blocks.gated(leaves.get(0), leaves.get(1), leaves.get(2));
            case FUSED -> blocks.fused(FusedStack.Layout.OUT_IN, ExpertBlocks.GateRows.FIRST_HALF, false, false);
            case FUSED_INPUTS_FIRST ->
                blocks.isSavedOutputsFirst()
                        ? blocks.gated(leaves.get(0), leaves.get(1), leaves.get(2))
                        : blocks.fused(FusedStack.Layout.IN_OUT, ExpertBlocks.GateRows.FIRST_HALF, false, false);
        };
    }

    private Optional<SharedExpert> shared(Blueprint.Shared shared, String name, int layer) {
        int inner = new DeclaredFamily.Settings(common).count(shared.inner(), 0, CommonConfig.MAX_WIDTH);
        return inner == 0
                ? Optional.empty()
                : Optional.of(new SharedExpert(
                        new LlamaBlocks(common).mlp(name + "." + shared.name(), layer, inner, false),
                        shared.gate()
                                .map(gate -> new Modules(layer).router(name + "." + gate, 1, common.hidden(), false))));
    }
}
