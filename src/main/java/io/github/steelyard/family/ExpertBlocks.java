package io.github.steelyard.family;

import io.github.steelyard.model.Linear;
import io.github.steelyard.model.Modules;
import io.github.steelyard.moe.Expert;
import io.github.steelyard.site.ExpertPart;
import io.github.steelyard.site.ExpertPart.Product;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.FusedStack;
import io.github.steelyard.weights.FusedStack.Member;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The routed experts of one layer. Their modules are named one by one, `name.0.gate_proj` and so on, whether the
/// checkpoint stores them so or fused into one tensor for each projection.
///
/// @param source tells what the checkpoint holds
/// @param name the experts' module
/// @param layer index of the layer
/// @param count number of experts
/// @param width values in an expert's input and output
/// @param inner intermediate features
record ExpertBlocks(ModelSource source, String name, int layer, int count, int width, int inner) {

    /// Which rows of a fused gate and up tensor are the gate's.
    enum GateRows {
        FIRST_HALF,
        EVEN
    }

    /// Returns gated experts that are published with weights of their own. transformers 5 fuses them where it saves
    /// its own form.
    ///
    /// @param gate name of the gate projection: `gate_proj` or `w1`
    List<Expert> gated(String gate, String up, String down) {
        FusedStack gateUp = stack("gate_up_proj", 2 * inner, width, FusedStack.Layout.OUT_IN);
        FusedStack downs = stack("down_proj", width, inner, FusedStack.Layout.OUT_IN);
        boolean resaved = !source.hasWeight(module(0, gate)) && source.has().test(gateUp.tensor());
        List<Expert> experts = new ArrayList<>(count);
        for (int e = 0; e < count; e++) {
            List<String> inputs = List.of(module(e, gate), module(e, up));
            ModuleInfo first = first(e, Product.GATE, gate, inputs);
            ModuleInfo second = first(e, Product.UP, up, inputs);
            ModuleInfo third = second(e, down);
            experts.add(
                    resaved
                            ? Expert.gated(
                                    resaved(first, gateUp, e, FusedStack.Part.FIRST_HALF),
                                    resaved(second, gateUp, e, FusedStack.Part.SECOND_HALF),
                                    resaved(third, downs, e, FusedStack.Part.ALL))
                            : Expert.gated(Linear.of(first), Linear.of(second), Linear.of(third)));
        }
        return experts;
    }

    /// Returns experts of an up and a down projection.
    ///
    /// @param biased whether those stored one by one have biases if the checkpoint says so; fused ones never have
    List<Expert> ungated(boolean biased) {
        boolean ownBiases = biased && source.has().test(module(0, "up_proj") + ".bias");
        boolean fused = !source.hasWeight(module(0, "up_proj")) && source.has().test(name + ".up_proj");
        FusedStack up = stack("up_proj", inner, width, FusedStack.Layout.OUT_IN);
        FusedStack down = stack("down_proj", width, inner, FusedStack.Layout.OUT_IN);
        List<Expert> experts = new ArrayList<>(count);
        for (int e = 0; e < count; e++) {
            ModuleInfo first = first(e, Product.UP, "up_proj", List.of(module(e, "up_proj")));
            ModuleInfo second = second(e, "down_proj");
            experts.add(
                    fused
                            ? Expert.plain(
                                    resaved(first, up, e, FusedStack.Part.ALL),
                                    resaved(second, down, e, FusedStack.Part.ALL))
                            : Expert.plain(Linear.of(first, ownBiases), Linear.of(second, ownBiases)));
        }
        return experts;
    }

    /// Returns gated experts that are published fused, as `gate_up_proj` and `down_proj`. A checkpoint that holds them
    /// one by one is read as such.
    ///
    /// @param layout order of the extents
    /// @param gateRows which rows of `gate_up_proj` are the gate's
    /// @param biased whether both have biases `gate_up_proj_bias` and `down_proj_bias`
    List<Expert> fused(FusedStack.Layout layout, GateRows gateRows, boolean biased) {
        return fused(layout, gateRows, biased, layout == FusedStack.Layout.IN_OUT);
    }

    /// @param kept whether servers keep them fused, whatever their format
    List<Expert> fused(FusedStack.Layout layout, GateRows gateRows, boolean biased, boolean kept) {
        FusedStack gateUp = stack("gate_up_proj", 2 * inner, width, layout);
        FusedStack down = stack("down_proj", width, inner, layout);
        boolean interleaved = gateRows == GateRows.EVEN;
        FusedStack.Part gatePart = interleaved ? FusedStack.Part.EVEN_ROWS : FusedStack.Part.FIRST_HALF;
        FusedStack.Part upPart = interleaved ? FusedStack.Part.ODD_ROWS : FusedStack.Part.SECOND_HALF;
        Fused fused = new Fused(
                source.hasWeight(module(0, "gate_proj")),
                biased,
                source.has().test(module(0, "gate_proj") + ".bias"),
                kept);
        List<Expert> experts = new ArrayList<>(count);
        for (int e = 0; e < count; e++) {
            List<String> inputs = List.of(module(e, "gate_proj"), module(e, "up_proj"));
            experts.add(Expert.gated(
                    fused.linear(first(e, Product.GATE, "gate_proj", inputs), new Member(gateUp, e, gatePart)),
                    fused.linear(first(e, Product.UP, "up_proj", inputs), new Member(gateUp, e, upPart)),
                    fused.linear(second(e, "down_proj"), new Member(down, e, FusedStack.Part.ALL))));
        }
        return experts;
    }

    /// Returns whether experts that are published fused with inputs first lie with outputs first, as transformers 5
    /// saves them. Extents tell; where they cannot, it is the published form.
    boolean isSavedOutputsFirst() {
        Shape published = Shape.of(count, width, 2L * inner);
        Shape saved = Shape.of(count, 2L * inner, width);
        return !saved.equals(published) && source.hasOf(name + ".gate_up_proj", saved);
    }

    /// Makes the layers of fused experts.
    ///
    /// @param separate whether the weights lie one by one
    /// @param biased whether there are biases
    /// @param separateBiases whether these lie one by one
    /// @param kept whether servers keep them fused
    private record Fused(boolean separate, boolean biased, boolean separateBiases, boolean kept) {

        Linear linear(ModuleInfo module, Member place) {
            ModuleInfo info = kept ? module.in(place) : module;
            if (separate && (separateBiases || !biased)) {
                return Linear.of(info, biased);
            }
            return new Linear(
                    info,
                    separate ? Linear.WeightSource.OWN : new Linear.Stacked(place),
                    biased ? Optional.of(Linear.Bias.of(place)) : Optional.empty());
        }
    }

    private static Linear resaved(ModuleInfo info, FusedStack stack, int expert, FusedStack.Part part) {
        return new Linear(
                info, new Linear.Resaved(new Linear.Stacked(new Member(stack, expert, part))), Optional.empty());
    }

    private FusedStack stack(String leaf, int rows, int columns, FusedStack.Layout layout) {
        String own = name + "." + leaf;
        String renamed = renamed(own);
        String tensor = source.has().test(own) ? own : source.has().test(renamed) ? renamed : own;
        return FusedStack.of(tensor, count, rows, columns, layout, source.has());
    }

    private String module(int expert, String leaf) {
        return name + "." + expert + "." + leaf;
    }

    /// A product from the layer's width to the experts' own.
    private ModuleInfo first(int expert, Product product, String leaf, List<String> inputs) {
        ExpertPart part = new ExpertPart(name, expert, product);
        return new Modules(layer).expert(module(expert, leaf), inner, width, part, inputs);
    }

    /// The product back to the layer's width.
    private ModuleInfo second(int expert, String leaf) {
        ExpertPart part = new ExpertPart(name, expert, Product.DOWN);
        return new Modules(layer).expert(module(expert, leaf), width, inner, part, List.of(module(expert, leaf)));
    }

    /// Returns the router of this name, or as transformers 5 saves it.
    static Linear gate(CommonConfig common, String name, int layer, int experts) {
        Linear gate = new Modules(layer).router(name, experts, common.hidden(), false);
        String renamed = renamed(name);
        boolean resaved = !common.source().hasWeight(gate.info().name())
                && common.source().hasWeight(renamed);
        return resaved ? new Linear(gate.info(), Linear.Resaved.as(renamed), gate.bias()) : gate;
    }

    /// Returns the name by which transformers 5 saves a module or tensor in its own form.
    static String renamed(String published) {
        return published.replace(".block_sparse_moe.", ".mlp.");
    }
}
