package io.github.steelyard.moe;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class NearestTokensTest {

    private static final int EXPERTS = 6;
    private static final int CHOSEN = 2;
    private static final Routing ROUTING = new Routing.SoftmaxOfChosen(CHOSEN);
    private static final float[] NO_BIAS = {};

    // The specification: all unrouted tokens of an expert, sorted.
    @Test
    void nearest_anyOrderOfOffers_isTheBestOfAllThatWereNotSentThere() {
        Random random = new Random(11);
        float[][] logits = new float[200][EXPERTS];
        for (float[] token : logits) {
            for (int e = 0; e < EXPERTS; e++) {
                token[e] = random.nextInt(12) / 4f; // many are equally near
            }
        }
        List<Integer> order =
                new ArrayList<>(IntStream.range(0, logits.length).boxed().toList());
        for (int round = 0; round < 5; round++) {
            Collections.shuffle(order, random);
            NearestTokens nearest = new NearestTokens(new int[] {0, 1, 7, 30, 199, 1000});
            order.parallelStream()
                    .forEach(token -> nearest.offer(
                            ROUTING, logits[token].clone(), token, chosen(ROUTING, logits[token], NO_BIAS)));
            for (int expert = 0; expert < EXPERTS; expert++) {
                int most = new int[] {0, 1, 5, 30, 100, 1000}[expert];
                assertThat(nearest.nearest(expert, most).tokens())
                        .as("expert %d, seed 11", expert)
                        .containsExactly(expected(logits, expert, most));
            }
        }
    }

    private static int[] expected(float[][] logits, int expert, int most) {
        return IntStream.range(0, logits.length)
                .filter(token -> Arrays.binarySearch(chosen(ROUTING, logits[token], NO_BIAS), expert) < 0)
                .boxed()
                .sorted(Comparator.<Integer>comparingDouble(token -> -lacks(logits[token], expert))
                        .thenComparing(Comparator.naturalOrder()))
                .limit(most)
                .sorted()
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /// Returns a score less the second largest, that of the last one chosen.
    private static float lacks(float[] scores, int expert) {
        float[] sorted = scores.clone();
        Arrays.sort(sorted);
        return scores[expert] - sorted[EXPERTS - CHOSEN];
    }

    // A bias takes part in the choice, so it takes part in what is near it.
    @Test
    void offer_correctedSigmoids_areComparedAsTheChoiceDoes() {
        Routing routing = new Routing.GroupedSigmoid(1, 1, 1, true, 1);
        float[] bias = {0, 0.5f, 0};
        NearestTokens nearest = new NearestTokens(new int[] {2, 2, 2});
        float[][] logits = {{2, 0, -9}, {2, -1, 1}};
        for (int token = 0; token < 2; token++) {
            int[] chosen = chosen(routing, logits[token], bias);
            nearest.offer(routing, routing.compared(logits[token], 0, 3, bias), token, chosen);
        }

        assertThat(nearest.nearest(0, 2).tokens()).containsExactly(0);
        assertThat(nearest.nearest(0, 2).scores()).containsExactly(sigmoid(2) - (sigmoid(0) + 0.5f));
        assertThat(nearest.nearest(1, 2).tokens()).containsExactly(1);
        assertThat(nearest.nearest(2, 1).tokens()).containsExactly(1);
    }

    @Test
    void nearest_routerThatScalesInputs_knowsTheWeight() {
        Routing routing = new Routing.SigmoidOfChosen(1);
        NearestTokens nearest = new NearestTokens(new int[] {1, 1});
        nearest.offer(routing, new float[] {3, -1}, 0, new int[] {0});

        assertThat(nearest.nearest(1, 1).weights()).containsExactly(sigmoid(-1));
        assertThat(nearest.nearest(1, 1).scores()).containsExactly(-4);
    }

    @Test
    void offer_scoresThatAreNoNumbers_areNotNear() {
        NearestTokens nearest = new NearestTokens(new int[] {4, 4, 4});
        nearest.offer(ROUTING, new float[] {Float.NaN, 1, 2}, 0, new int[] {1, 2});
        nearest.offer(ROUTING, new float[] {Float.NEGATIVE_INFINITY, 1, 2}, 1, new int[] {1, 2});

        assertThat(nearest.nearest(0, 4).tokens()).isEmpty();
    }

    private static int[] chosen(Routing routing, float[] logits, float[] bias) {
        int[] experts = new int[routing.chosen()];
        routing.choose(logits.clone(), 0, logits.length, bias, experts, new float[experts.length], 0);
        return experts;
    }

    private static float sigmoid(float x) {
        return (float) (1 / (1 + Math.exp(-x)));
    }
}
