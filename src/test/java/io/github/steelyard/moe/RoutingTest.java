package io.github.steelyard.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Every routing against its definition, written down once more in doubles and with sorted lists.
final class RoutingTest {

    private static final int EXPERTS = 24;

    // A NaN comes from an earlier layer; whatever is chosen, it must be different experts.
    @Test
    void choose_nanScores_choosesDifferentExperts() {
        List<Routing> all = List.of(
                new Routing.Softmax(5, true),
                new Routing.GroupedSoftmax(5, 4, 2, 1),
                new Routing.GroupedSigmoid(5, 4, 2, true, 1),
                new Routing.CorrectedSoftmax(5, 1e-12f),
                new Routing.SoftmaxOfChosen(5),
                new Routing.SigmoidOfChosen(5));
        for (Routing routing : all) {
            for (int nans = 1; nans <= EXPERTS; nans++) {
                float[] logits = new float[EXPERTS];
                Arrays.fill(logits, 0, nans, Float.NaN);
                int[] experts = new int[5];
                routing.choose(logits, 0, EXPERTS, new float[0], experts, new float[5], 0);
                assertThat(experts).as("%s with %d NaN", routing, nans).doesNotHaveDuplicates();
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1, false", "5, true", "24, true"})
    void softmax_choosesTheLargestOfAll(int chosen, boolean renormalise) {
        forRandomLogits((logits, bias) -> {
            double[] p = softmax(logits, all());
            List<Integer> best = best(all(), e -> p[e], chosen);
            double sum = renormalise ? sum(best, p) : 1;

            assertChosen(new Routing.Softmax(chosen, renormalise), logits, new float[0], best, e -> p[e] / sum);
        });
    }

    // DeepSeek-V2: a group counts by its best expert.
    @ParameterizedTest
    @CsvSource({"6, 4, 2, 16", "3, 8, 3, 1", "4, 1, 1, 2.5"})
    void groupedSoftmax_choosesInsideTheBestGroups(int chosen, int groups, int kept, float scale) {
        forRandomLogits((logits, bias) -> {
            double[] p = softmax(logits, all());
            List<Integer> candidates = inBestGroups(groups, kept, group -> best(group, e -> p[e], 1), p);
            List<Integer> best = best(candidates, e -> p[e], chosen);

            Routing routing = new Routing.GroupedSoftmax(chosen, groups, kept, scale);
            assertChosen(routing, logits, new float[0], best, e -> p[e] * scale);
        });
    }

    // DeepSeek-V3: a group counts by its two best, the bias takes part in the choice alone.
    @ParameterizedTest
    @CsvSource({"8, 8, 4, true, 2.5", "4, 4, 1, false, 1", "6, 1, 1, true, 2.827", "2, 24, 2, true, 1"})
    void groupedSigmoid_choosesWithTheBiasAndWeighsWithout(
            int chosen, int groups, int kept, boolean renormalise, float scale) {
        forRandomLogits((logits, bias) -> {
            double[] s = new double[EXPERTS];
            double[] c = new double[EXPERTS];
            for (int e = 0; e < EXPERTS; e++) {
                s[e] = 1 / (1 + Math.exp(-logits[e]));
                c[e] = s[e] + bias[e];
            }
            List<Integer> candidates = inBestGroups(groups, kept, group -> best(group, e -> c[e], 2), c);
            List<Integer> best = best(candidates, e -> c[e], chosen);
            double sum = renormalise ? sum(best, s) + 1e-20 : 1;

            Routing routing = new Routing.GroupedSigmoid(chosen, groups, kept, renormalise, scale);
            assertChosen(routing, logits, bias, best, e -> s[e] / sum * scale);
        });
    }

    // ERNIE 4.5: the correction decides, and the softmax weighs.
    @ParameterizedTest
    @CsvSource({"5, 0", "1, 1e-12", "24, 0.5", "3, 2"})
    void correctedSoftmax_weighsWithoutTheCorrection(int chosen, float floor) {
        forRandomLogits((logits, bias) -> {
            double[] p = softmax(logits, all());
            List<Integer> best = best(all(), e -> p[e] + bias[e], chosen);
            double sum = Math.max(sum(best, p), floor);

            assertChosen(new Routing.CorrectedSoftmax(chosen, floor), logits, bias, best, e -> p[e] / sum);
        });
    }

    @Test
    void ofChosen_weighsTheLargestLogits() {
        forRandomLogits((logits, bias) -> {
            List<Integer> best = best(all(), e -> logits[e], 4);
            double[] p = softmax(logits, best);

            assertChosen(new Routing.SoftmaxOfChosen(4), logits, new float[0], best, e -> p[e]);
            assertChosen(
                    new Routing.SigmoidOfChosen(4), logits, new float[0], best, e -> 1 / (1 + Math.exp(-logits[e])));
        });
    }

    @Test
    void ties_goToTheLowerIndex() {
        float[] logits = {1, 3, 3, 3};
        int[] experts = new int[2];
        new Routing.Softmax(2, true).choose(logits.clone(), 0, 4, new float[0], experts, new float[2], 0);

        assertThat(experts).containsExactly(1, 2);
    }

    private interface Case {
        void check(float[] logits, float[] bias);
    }

    private static void forRandomLogits(Case check) {
        Random random = new Random(11);
        for (int i = 0; i < 50; i++) {
            float[] logits = new float[EXPERTS];
            float[] bias = new float[EXPERTS];
            for (int e = 0; e < EXPERTS; e++) {
                logits[e] = (float) random.nextGaussian(0, 2);
                bias[e] = (float) random.nextGaussian(0, 0.3);
            }
            check.check(logits, bias);
        }
    }

    private static void assertChosen(
            Routing routing, float[] logits, float[] bias, List<Integer> best, ToDoubleFunction<Integer> weight) {
        int[] experts = new int[routing.chosen() + 1];
        float[] weights = new float[routing.chosen() + 1];
        float[] padded = new float[EXPERTS + 3];
        System.arraycopy(logits, 0, padded, 3, EXPERTS);

        routing.choose(padded, 3, EXPERTS, bias, experts, weights, 1);

        List<Integer> ascending = best.stream().sorted().toList();
        assertThat(Arrays.stream(experts, 1, experts.length).boxed()).containsExactlyElementsOf(ascending);
        for (int i = 0; i < ascending.size(); i++) {
            double expected = weight.applyAsDouble(ascending.get(i));
            assertThat((double) weights[i + 1]).isCloseTo(expected, within(1e-5 * Math.max(1, expected)));
        }
    }

    private static List<Integer> all() {
        return IntStream.range(0, EXPERTS).boxed().toList();
    }

    private static List<Integer> best(List<Integer> of, ToDoubleFunction<Integer> score, int count) {
        return of.stream()
                .sorted(Comparator.comparingDouble(score).reversed())
                .limit(count)
                .toList();
    }

    private interface GroupBest {
        List<Integer> of(List<Integer> group);
    }

    private static List<Integer> inBestGroups(int groups, int kept, GroupBest best, double[] score) {
        int size = EXPERTS / groups;
        List<List<Integer>> all = new ArrayList<>();
        for (int g = 0; g < groups; g++) {
            all.add(IntStream.range(g * size, (g + 1) * size).boxed().toList());
        }
        return all.stream()
                .sorted(Comparator.comparingDouble((List<Integer> group) -> sum(best.of(group), score))
                        .reversed())
                .limit(kept)
                .flatMap(List::stream)
                .toList();
    }

    private static double sum(List<Integer> of, double[] values) {
        return of.stream().mapToDouble(e -> values[e]).sum();
    }

    private static double[] softmax(float[] logits, List<Integer> over) {
        double[] p = new double[EXPERTS];
        double sum = over.stream().mapToDouble(e -> Math.exp(logits[e])).sum();
        over.forEach(e -> p[e] = Math.exp(logits[e]) / sum);
        return p;
    }
}
