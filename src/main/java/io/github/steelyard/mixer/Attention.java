package io.github.steelyard.mixer;

import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.Norm;
import io.github.steelyard.model.SequenceBody;
import io.github.steelyard.model.SequenceLimit;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Scratch;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Grouped-query attention: q, k and v projections, optional head norms and rotary positions, causal softmax, output
/// projection. Sites: the shared input of q, k and v; keys and values as the cache holds them; the input of o.
///
/// @param module name of the attention module, which carries the key and value sites
/// @param qkv the q, k and v projections, in this order
/// @param output the output projection
/// @param headNorm norm on queries and keys
/// @param rotary position embedding; empty for none
/// @param core heads, widths, scale and mask
/// @param sinks tensor with one extra logit for each head, if the model has them
/// @param variations what only single families do
public record Attention(
        ModuleInfo module,
        LinearGroup qkv,
        LinearGroup output,
        HeadNorm headNorm,
        Optional<Rotary> rotary,
        AttentionCore core,
        Optional<String> sinks,
        Variations variations)
        implements SequenceBody {

    /// Norm on queries and keys.
    public sealed interface HeadNorm {
        /// No norm.
        record None() implements HeadNorm {}

        /// Each head by itself, one weight `(head width)` for all heads.
        record PerHead(Norm query, Norm key) implements HeadNorm {}

        /// Each head by itself, one weight `(head width)` for all heads, after the rotation.
        record Rotated(Norm query, Norm key) implements HeadNorm {}

        /// The whole projection as one row, weight `(heads * head width)`.
        record FullWidth(Norm query, Norm key) implements HeadNorm {}
    }

    /// What only single families do.
    ///
    /// @param clip bound on the absolute values of q, k and v after the head norm; 0 for none
    /// @param gated whether each head of q is followed by a gate whose sigmoid multiplies the head's output
    /// @param normAfterRotation ε of a weightless norm on rotated queries and keys; 0 for none
    /// @param temperature factor on the query at each position
    public record Variations(float clip, boolean gated, float normAfterRotation, Temperature temperature) {

        /// None of them.
        public static final Variations NONE = new Variations(0, false, 0, Temperature.ONE);
    }

    /// Factor on queries by position.
    @FunctionalInterface
    public interface Temperature {

        /// Always 1.
        Temperature ONE = position -> 1;

        /// Returns the factor at `position`.
        float at(int position);
    }

    @Override
    public String kind() {
        if (core.mask().window() > 0) {
            return "sliding attention";
        }
        return core.mask().chunk() > 0 ? "chunked attention" : "attention";
    }

    @Override
    public List<ModuleInfo> modules() {
        List<ModuleInfo> modules = new ArrayList<>(qkv.modules());
        modules.add(module);
        modules.addAll(output.modules());
        return modules;
    }

    @Override
    public List<ExpectedTensor> tensors() {
        List<ExpectedTensor> tensors = new ArrayList<>(qkv.tensors());
        tensors.addAll(output.tensors());
        switch (headNorm) {
            case HeadNorm.None none -> {}
            case HeadNorm.PerHead norms -> addNorms(tensors, norms.query(), norms.key());
            case HeadNorm.Rotated norms -> addNorms(tensors, norms.query(), norms.key());
            case HeadNorm.FullWidth norms -> addNorms(tensors, norms.query(), norms.key());
        }
        sinks.ifPresent(name -> tensors.add(new ExpectedTensor(name, Shape.of(core.heads()))));
        return tensors;
    }

    private static void addNorms(List<ExpectedTensor> tensors, Norm query, Norm key) {
        tensors.addAll(query.tensors());
        tensors.addAll(key.tensors());
    }

    @Override
    public List<Linear> linears() {
        List<Linear> linears = new ArrayList<>(qkv.members());
        linears.addAll(output.members());
        return linears;
    }

    @Override
    public List<Linear> normReaders() {
        return qkv.members();
    }

    /// Values and the output, where each head has values of its own.
    @Override
    public Optional<Passage> passage() {
        Linear value = qkv.members().getLast();
        Linear last = output.members().getFirst();
        return value.info().rows() == last.info().columns() && variations.clip() == 0
                ? Optional.of(new Passage(value, last))
                : Optional.empty();
    }

    @Override
    public Optional<SequenceLimit> limit() {
        return rotary.flatMap(Rotary::limit);
    }

    @Override
    public Loaded load(Weights weights, Lane lane, Scratch.Frame memory, int longest) {
        return new LoadedAttention(this, weights, lane, memory, longest);
    }
}
