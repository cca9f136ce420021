package io.github.steelyard.mixer;

import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.Norm;
import io.github.steelyard.model.SequenceBody;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Scratch;
import java.util.ArrayList;
import java.util.List;

/// The Gated DeltaNet mixer:
///
/// ```text
/// [q k v | z | b | a] = x W      [q | k | v] ← silu(conv([q | k | v])), q and k to unit length, q · width^-½
/// β = σ(b)                       ln g = −exp(A_log) softplus(a + bias)
/// o = rule(q, k, v, β, g)        out = (norm(o) ⊙ silu(z)) W_out, the norm within each head
/// ```
///
/// Sites: the shared input of the first projections; the input of the output.
///
/// @param input `in_proj_qkv`, `in_proj_z`, `in_proj_b`, `in_proj_a`; or `in_proj_qkvz`, `in_proj_ba`
/// @param byKeyHead whether the first projections give the parts of one key head after the other,
///     `[q k v z] … [b a] …`, as Qwen3-Next has them
/// @param convolution over `[q | k | v]`
/// @param logRate name of `A_log`, a value for each value head
/// @param stepBias name of `dt_bias`, a value for each value head
/// @param rule the recurrence
/// @param norm norm of a head's output
/// @param output `out_proj`
public record GatedDeltaNet(
        LinearGroup input,
        boolean byKeyHead,
        CausalConvolution convolution,
        String logRate,
        String stepBias,
        DeltaRule rule,
        Norm norm,
        LinearGroup output)
        implements SequenceBody {

    @Override
    public String kind() {
        return "gated deltanet";
    }

    @Override
    public List<ModuleInfo> modules() {
        return linears().stream().map(Linear::info).toList();
    }

    @Override
    public List<Linear> linears() {
        List<Linear> linears = new ArrayList<>(input.members());
        linears.addAll(output.members());
        return linears;
    }

    @Override
    public List<Linear> normReaders() {
        return input.members();
    }

    @Override
    public List<ExpectedTensor> tensors() {
        List<ExpectedTensor> tensors = new ArrayList<>(input.tensors());
        tensors.addAll(convolution.tensors());
        tensors.add(ExpectedTensor.vector(logRate, rule.valueHeads()));
        tensors.add(ExpectedTensor.vector(stepBias, rule.valueHeads()));
        tensors.addAll(norm.tensors());
        tensors.addAll(output.tensors());
        return tensors;
    }

    @Override
    public Loaded load(Weights weights, Lane lane, Scratch.Frame memory, int longest) {
        return new LoadedGatedDeltaNet(this, weights, lane, memory);
    }
}
