package io.github.steelyard.mixer;

import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.SequenceBody;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Scratch;

/// [Mamba2] with its weights in memory.
final class LoadedMamba2 implements SequenceBody.Loaded {

    private static final float[] NO_WEIGHT = {};

    private final Mamba2 mamba;
    private final LinearGroup.Loaded input;
    private final LinearGroup.Loaded output;
    private final CausalConvolution.Loaded convolution;
    private final float[] rates; // (heads): A
    private final float[] skips; // (heads): D
    private final float[] stepBias; // (heads)
    private final float[] norm; // (inner)

    LoadedMamba2(Mamba2 mamba, Weights weights, Lane lane, Scratch.Frame memory) {
        int heads = mamba.scan().heads();
        this.mamba = mamba;
        this.input = mamba.input().load(weights, lane, memory);
        this.output = mamba.output().load(weights, lane, memory);
        this.convolution = mamba.convolution().load(weights);
        this.rates = weights.vector(mamba.parameters().logRate(), heads);
        for (int head = 0; head < heads; head++) {
            rates[head] = (float) -StrictMath.exp(rates[head]);
        }
        this.skips = weights.vector(mamba.parameters().skip(), heads);
        this.stepBias = weights.vector(mamba.parameters().stepBias(), heads);
        this.norm = weights.vector(mamba.norm().name(), mamba.norm().shape());
    }

    @Override
    public void forward(float[] x, int tokens, float[] y, Lane lane) {
        SelectiveScan scan = mamba.scan();
        int inner = scan.innerColumns();
        try (Scratch.Frame frame = lane.frame()) {
            float[] projected = frame.floats((long) tokens * input.rows());
            input.forward(x, tokens, projected, Phase.PROJECTION, lane);
            float[] mixed = frame.floats((long) tokens * inner);
            long start = lane.begin();
            float[] rows = frame.floats((long) tokens * scan.columns());
            convolution.forward(projected, inner, input.rows(), tokens, rows, lane);
            float[] steps = steps(projected, tokens, frame, lane);
            scan.chunked(rows, steps, rates, skips, tokens, mixed, lane);
            gateAndNormalise(projected, tokens, mixed, lane);
            lane.end(Phase.RECURRENCE, start, flops(tokens), 4.0 * tokens * (input.rows() + inner));
            output.forward(mixed, tokens, y, Phase.PROJECTION, lane);
        }
    }

    /// Returns Δ `(tokens, heads)`.
    private float[] steps(float[] projected, int tokens, Scratch.Frame frame, Lane lane) {
        int heads = mamba.scan().heads();
        float[] steps = frame.floats((long) tokens * heads);
        LoadedAttention.copyColumns(projected, input.rows() - heads, input.rows(), steps, heads, 0, tokens);
        lane.kernels().addBias(stepBias, 0, steps, 0, tokens, heads, heads);
        lane.kernels().softplus(steps, 0, tokens * heads);
        Mamba2.TimeSteps bounds = mamba.timeSteps();
        if (!bounds.equals(Mamba2.TimeSteps.UNBOUNDED)) {
            for (int i = 0; i < tokens * heads; i++) {
                steps[i] = Math.clamp(steps[i], bounds.min(), bounds.max());
            }
        }
        return steps;
    }

    private void gateAndNormalise(float[] projected, int tokens, float[] mixed, Lane lane) {
        int inner = mamba.scan().innerColumns();
        int groupWidth = inner / mamba.scan().groups();
        for (int token = 0; token < tokens; token++) {
            int row = token * inner;
            lane.kernels().siluMultiply(projected, token * input.rows(), mixed, row, mixed, row, inner);
            for (int at = row; at < row + inner; at += groupWidth) {
                lane.kernels().rmsNorm(mixed, at, NO_WEIGHT, 0, mamba.epsilon(), mixed, at, groupWidth);
            }
            lane.kernels().multiply(norm, 0, mixed, row, inner);
        }
    }

    /// Returns the operations of the plain recurrence and the convolution.
    private double flops(int tokens) {
        SelectiveScan scan = mamba.scan();
        return tokens
                * (5.0 * scan.innerColumns() * scan.stateWidth()
                        + 2.0 * scan.columns() * mamba.convolution().kernel());
    }
}
