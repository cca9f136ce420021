package io.github.steelyard.mixer;

import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.model.Norm;
import io.github.steelyard.model.SequenceBody;
import io.github.steelyard.weights.Weights;
import io.github.steelyard.work.Lane;
import io.github.steelyard.work.Phase;
import io.github.steelyard.work.Scratch;

/// [GatedDeltaNet] with its weights in memory.
final class LoadedGatedDeltaNet implements SequenceBody.Loaded {

    private static final float UNIT_EPSILON = 1e-6f; // fixed in the reference implementation

    private final GatedDeltaNet net;
    private final LinearGroup.Loaded input;
    private final LinearGroup.Loaded output;
    private final CausalConvolution.Loaded convolution;
    private final Norm.Loaded norm;
    private final float[] rates; // (valueHeads): −exp(A_log)
    private final float[] stepBias; // (valueHeads)

    LoadedGatedDeltaNet(GatedDeltaNet net, Weights weights, Lane lane, Scratch.Frame memory) {
        int heads = net.rule().valueHeads();
        this.net = net;
        this.input = net.input().load(weights, lane, memory);
        this.output = net.output().load(weights, lane, memory);
        this.convolution = net.convolution().load(weights);
        this.norm = net.norm().load(weights);
        this.rates = weights.vector(net.logRate(), heads);
        for (int head = 0; head < heads; head++) {
            rates[head] = (float) -StrictMath.exp(rates[head]);
        }
        this.stepBias = weights.vector(net.stepBias(), heads);
    }

    @Override
    public void forward(float[] x, int tokens, float[] y, Lane lane) {
        DeltaRule rule = net.rule();
        try (Scratch.Frame frame = lane.frame()) {
            float[] given = frame.floats((long) tokens * input.rows());
            input.forward(x, tokens, given, Phase.PROJECTION, lane);
            float[] projected = net.byKeyHead() ? byPart(given, tokens, frame) : given;
            float[] mixed = frame.floats((long) tokens * rule.valueColumns());
            long start = lane.begin();
            float[] rows = frame.floats((long) tokens * rule.columns());
            convolution.forward(projected, 0, input.rows(), tokens, rows, lane);
            normaliseKeys(rows, tokens, lane);
            float[] rates = rates(projected, tokens, frame, lane);
            float[] logDecays = logDecays(projected, tokens, frame, lane);
            rule.chunked(rows, rates, logDecays, tokens, mixed, lane);
            normaliseAndGate(projected, tokens, mixed, lane);
            lane.end(Phase.RECURRENCE, start, flops(tokens), 4.0 * tokens * (input.rows() + rule.valueColumns()));
            output.forward(mixed, tokens, y, Phase.PROJECTION, lane);
        }
    }

    /// Puts rows of `[q k v z]` of each key head, then `[b a]` of each, into the order `[q | k | v | z | b | a]`.
    private float[] byPart(float[] given, int tokens, Scratch.Frame frame) {
        DeltaRule rule = net.rule();
        int heads = rule.keyHeads();
        int ratio = rule.valueHeads() / heads;
        int values = ratio * rule.valueWidth();
        int[] widths = {rule.keyWidth(), rule.keyWidth(), values, values, ratio, ratio};
        float[] ordered = frame.floats((long) tokens * input.rows());
        int from = 0;
        for (int token = 0; token < tokens; token++) {
            int to = token * input.rows();
            for (int group = 0; group < widths.length; group += group == 0 ? 4 : 2) {
                int end = group == 0 ? 4 : widths.length;
                for (int head = 0; head < heads; head++) {
                    int column = to;
                    for (int part = group; part < end; part++) {
                        System.arraycopy(given, from, ordered, column + head * widths[part], widths[part]);
                        from += widths[part];
                        column += heads * widths[part];
                    }
                }
                for (int part = group; part < end; part++) {
                    to += heads * widths[part];
                }
            }
        }
        return ordered;
    }

    private void normaliseKeys(float[] rows, int tokens, Lane lane) {
        DeltaRule rule = net.rule();
        double scale = 1 / Math.sqrt(rule.keyWidth());
        for (int token = 0; token < tokens; token++) {
            for (int head = 0; head < 2 * rule.keyHeads(); head++) {
                int at = token * rule.columns() + head * rule.keyWidth();
                float squares = lane.kernels().sumOfSquares(rows, at, rule.keyWidth());
                double unit = 1 / Math.sqrt(squares + UNIT_EPSILON);
                double factor = head < rule.keyHeads() ? unit * scale : unit;
                lane.kernels().scale((float) factor, rows, at, rule.keyWidth());
            }
        }
    }

    /// Returns β `(tokens, valueHeads)`.
    private float[] rates(float[] projected, int tokens, Scratch.Frame frame, Lane lane) {
        int heads = net.rule().valueHeads();
        float[] rates = frame.floats((long) tokens * heads);
        LoadedAttention.copyColumns(projected, input.rows() - 2 * heads, input.rows(), rates, heads, 0, tokens);
        lane.kernels().sigmoid(rates, 0, tokens * heads);
        return rates;
    }

    /// Returns ln g `(tokens, valueHeads)`.
    private float[] logDecays(float[] projected, int tokens, Scratch.Frame frame, Lane lane) {
        int heads = net.rule().valueHeads();
        float[] decays = frame.floats((long) tokens * heads);
        LoadedAttention.copyColumns(projected, input.rows() - heads, input.rows(), decays, heads, 0, tokens);
        lane.kernels().addBias(stepBias, 0, decays, 0, tokens, heads, heads);
        lane.kernels().softplus(decays, 0, tokens * heads);
        for (int token = 0; token < tokens; token++) {
            lane.kernels().multiply(rates, 0, decays, token * heads, heads);
        }
        return decays;
    }

    private void normaliseAndGate(float[] projected, int tokens, float[] mixed, Lane lane) {
        DeltaRule rule = net.rule();
        int width = rule.valueColumns();
        norm.forward(mixed, 0, rule.valueWidth(), tokens * rule.valueHeads(), mixed, 0, lane);
        for (int token = 0; token < tokens; token++) {
            int gate = token * input.rows() + rule.columns();
            int row = token * width;
            lane.kernels().siluMultiply(projected, gate, mixed, row, mixed, row, width);
        }
    }

    /// Returns the operations of the plain recurrence and the convolution.
    private double flops(int tokens) {
        DeltaRule rule = net.rule();
        return tokens
                * (7.0 * rule.valueColumns() * rule.keyWidth()
                        + 2.0 * rule.columns() * net.convolution().kernel());
    }
}
