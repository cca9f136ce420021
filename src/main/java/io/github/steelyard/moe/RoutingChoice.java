package io.github.steelyard.moe;

import java.util.Arrays;

/// One token's choice of experts. All sums in float32, as in the reference implementations.
final class RoutingChoice {

    private final float[] scores; // (count)
    private final int count;
    private final float[] bias; // (count) or empty
    private final int[] experts;
    private final float[] weights;
    private final int to;

    RoutingChoice(float[] logits, int offset, int count, float[] bias, int[] experts, float[] weights, int to) {
        this.scores = Arrays.copyOfRange(logits, offset, offset + count);
        this.count = count;
        this.bias = bias;
        this.experts = experts;
        this.weights = weights;
        this.to = to;
    }

    void choose(Routing routing) {
        switch (routing) {
            case Routing.Softmax r -> {
                softmax(scores, 0, count);
                take(scores.clone(), r.chosen());
                weigh(r.chosen(), r.renormalise() ? sum(r.chosen()) : 1);
            }
            case Routing.GroupedSoftmax r -> {
                softmax(scores, 0, count);
                float[] candidates = scores.clone();
                keepGroups(candidates, r.groups(), r.keptGroups(), 1, 0);
                take(candidates, r.chosen());
                weigh(r.chosen(), 1);
                scale(r.chosen(), r.scale());
            }
            case Routing.GroupedSigmoid r -> {
                sigmoid();
                float[] candidates = scores.clone();
                for (int e = 0; e < bias.length; e++) {
                    candidates[e] += bias[e];
                }
                keepGroups(candidates, r.groups(), r.keptGroups(), 2, Float.NEGATIVE_INFINITY);
                take(candidates, r.chosen());
                weigh(r.chosen(), r.renormalise() ? sum(r.chosen()) + 1e-20f : 1);
                scale(r.chosen(), r.scale());
            }
            case Routing.CorrectedSoftmax r -> {
                softmax(scores, 0, count);
                float[] candidates = scores.clone();
                for (int e = 0; e < bias.length; e++) {
                    candidates[e] += bias[e];
                }
                take(candidates, r.chosen());
                weigh(r.chosen(), Math.max(sum(r.chosen()), r.floor()));
            }
            case Routing.SoftmaxOfChosen r -> {
                take(scores.clone(), r.chosen());
                weigh(r.chosen(), 1);
                softmax(weights, to, r.chosen());
            }
            case Routing.SigmoidOfChosen r -> {
                take(scores.clone(), r.chosen());
                sigmoid();
                weigh(r.chosen(), 1);
            }
        }
    }

    /// Puts the indices of the `chosen` largest candidates in ascending order. NaN counts as less than any number, so
    /// that a token with a NaN in it still goes to `chosen` different experts.
    private void take(float[] candidates, int chosen) {
        boolean[] taken = new boolean[count];
        for (int i = 0; i < chosen; i++) {
            int best = -1;
            for (int e = 0; e < count; e++) {
                if (!taken[e] && (best < 0 || less(candidates[best], candidates[e]))) {
                    best = e;
                }
            }
            experts[to + i] = best;
            taken[best] = true;
        }
        Arrays.sort(experts, to, to + chosen);
    }

    private static boolean less(float a, float b) {
        return a < b || (Float.isNaN(a) && !Float.isNaN(b));
    }

    private void weigh(int chosen, float divisor) {
        for (int i = 0; i < chosen; i++) {
            weights[to + i] = scores[experts[to + i]] / divisor;
        }
    }

    private void scale(int chosen, float factor) {
        for (int i = 0; i < chosen; i++) {
            weights[to + i] *= factor;
        }
    }

    private float sum(int chosen) {
        float sum = 0;
        for (int i = 0; i < chosen; i++) {
            sum += scores[experts[to + i]];
        }
        return sum;
    }

    private void keepGroups(float[] candidates, int groups, int kept, int best, float outside) {
        if (groups <= 1) {
            return;
        }
        int size = count / groups;
        float[] groupScores = new float[groups];
        for (int g = 0; g < groups; g++) {
            float[] members = Arrays.copyOfRange(candidates, g * size, (g + 1) * size);
            Arrays.sort(members);
            for (int i = 0; i < Math.min(best, size); i++) {
                groupScores[g] += members[size - 1 - i];
            }
        }
        boolean[] dropped = new boolean[groups];
        for (int i = 0; i < groups - kept; i++) {
            int worst = -1;
            for (int g = 0; g < groups; g++) {
                if (!dropped[g] && (worst < 0 || !less(groupScores[worst], groupScores[g]))) {
                    worst = g;
                }
            }
            Arrays.fill(candidates, worst * size, (worst + 1) * size, outside);
            dropped[worst] = true;
        }
    }

    private void sigmoid() {
        for (int e = 0; e < count; e++) {
            scores[e] = sigmoid(scores[e]);
        }
    }

    static float sigmoid(float x) {
        return (float) (1 / (1 + StrictMath.exp(-x)));
    }

    static void softmax(float[] x, int offset, int length) {
        float largest = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < length; i++) {
            largest = Math.max(largest, x[offset + i]);
        }
        float sum = 0;
        for (int i = 0; i < length; i++) {
            x[offset + i] = (float) StrictMath.exp(x[offset + i] - largest);
            sum += x[offset + i];
        }
        for (int i = 0; i < length; i++) {
            x[offset + i] /= sum;
        }
    }
}
