package io.github.steelyard.mixer;

import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.SequenceBody;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Scratch;
import java.util.ArrayList;
import java.util.List;

/// The Mamba2 mixer:
///
/// ```text
/// [z | X B C | Δ] = x W      [X | B | C] ← silu(conv([X | B | C]))      Δ ← clamp(softplus(Δ + bias))
/// Y = scan(X, B, C, Δ)       out = norm(Y ⊙ silu(z)) W_out, the norm within each group of channels
/// ```
///
/// Sites: the input of both projections.
///
/// @param input `in_proj`
/// @param convolution over `[X | B | C]`
/// @param parameters tensors with a value for each head
/// @param timeSteps bounds of Δ
/// @param scan the recurrence
/// @param norm weight of the gated norm
/// @param epsilon ε of the gated norm
/// @param output `out_proj`
public record Mamba2(
        LinearGroup input,
        CausalConvolution convolution,
        Parameters parameters,
        TimeSteps timeSteps,
        SelectiveScan scan,
        ExpectedTensor norm,
        float epsilon,
        LinearGroup output)
        implements SequenceBody {

    /// Names of the tensors with a value for each head.
    ///
    /// @param logRate logarithm of −A
    /// @param skip D
    /// @param stepBias what is added to Δ
    public record Parameters(String logRate, String skip, String stepBias) {}

    /// Bounds of Δ.
    public record TimeSteps(float min, float max) {

        /// No bounds but that Δ is not negative.
        public static final TimeSteps UNBOUNDED = new TimeSteps(0, Float.POSITIVE_INFINITY);
    }

    @Override
    public String kind() {
        return "mamba2";
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
    public List<ExpectedTensor> tensors() {
        List<ExpectedTensor> tensors = new ArrayList<>(input.tensors());
        tensors.addAll(convolution.tensors());
        tensors.add(ExpectedTensor.vector(parameters.logRate(), scan.heads()));
        tensors.add(ExpectedTensor.vector(parameters.skip(), scan.heads()));
        tensors.add(ExpectedTensor.vector(parameters.stepBias(), scan.heads()));
        tensors.add(norm);
        tensors.addAll(output.tensors());
        return tensors;
    }

    @Override
    public Loaded load(Weights weights, Lane lane, Scratch.Frame memory, int longest) {
        return new LoadedMamba2(this, weights, lane, memory);
    }
}
