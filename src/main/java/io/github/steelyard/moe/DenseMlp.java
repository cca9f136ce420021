package io.github.steelyard.moe;

import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.SequenceBody;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Scratch;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A dense MLP: first product (gate and up, or up alone), activation, down.
///
/// @param first gate and up, or up alone
/// @param activation the function between
/// @param down the second product
public record DenseMlp(LinearGroup first, Activation activation, LinearGroup down) implements SequenceBody {

    @Override
    public String kind() {
        return "mlp";
    }

    @Override
    public List<ModuleInfo> modules() {
        return linears().stream().map(Linear::info).toList();
    }

    @Override
    public List<Linear> linears() {
        List<Linear> linears = new ArrayList<>(first.members());
        linears.addAll(down.members());
        return linears;
    }

    @Override
    public List<Linear> normReaders() {
        return first.members();
    }

    /// Up and down, where what the gate gives is multiplied with what up gives.
    @Override
    public Optional<Passage> passage() {
        return switch (activation) {
            case Activation.GatedSilu silu ->
                Optional.of(
                        new Passage(first.members().getLast(), down.members().getFirst()));
            case Activation.ClampedSwiglu clamped -> Optional.empty();
            case Activation.SquaredRelu relu -> Optional.empty();
        };
    }

    @Override
    public List<ExpectedTensor> tensors() {
        return linears().stream().flatMap(linear -> linear.tensors().stream()).toList();
    }

    @Override
    public Loaded load(Weights weights, Lane lane, Scratch.Frame memory, int longest) {
        LinearGroup.Loaded loadedFirst = first.load(weights, lane, memory);
        LinearGroup.Loaded loadedDown = down.load(weights, lane, memory);
        return (x, tokens, y, worker) -> forward(loadedFirst, loadedDown, x, tokens, y, worker);
    }

    private void forward(
            LinearGroup.Loaded loadedFirst,
            LinearGroup.Loaded loadedDown,
            float[] x,
            int tokens,
            float[] y,
            Lane lane) {
        try (Scratch.Frame frame = lane.frame()) {
            float[] inner = frame.floats((long) tokens * loadedFirst.rows());
            loadedFirst.forward(x, tokens, inner, Phase.DENSE, lane);
            float[] activated = frame.floats((long) tokens * down.columns());
            lane.shareRows(tokens, (from, count, worker) -> {
                long start = worker.begin();
                activation.apply(inner, from, count, down.columns(), activated, worker);
                worker.end(Phase.ACTIVATION, start, 0, 4.0 * count * (loadedFirst.rows() + down.columns()));
            });
            loadedDown.forward(activated, tokens, y, Phase.DENSE, lane);
        }
    }
}
