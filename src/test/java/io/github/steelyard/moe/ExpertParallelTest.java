package io.github.steelyard.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class ExpertParallelTest {

    private static final int WIDTH = 5;
    private static final int ASSIGNMENTS = 3000;

    /// An expert whose every output depends on the whole row and on the expert, without regard to other rows.
    private static float[] expert(int expert, float[] rows, int count) {
        float[] out = new float[count * WIDTH];
        for (int row = 0; row < count; row++) {
            float mean = 0;
            for (int j = 0; j < WIDTH; j++) {
                mean += rows[row * WIDTH + j] / WIDTH;
            }
            for (int j = 0; j < WIDTH; j++) {
                out[row * WIDTH + j] = rows[row * WIDTH + j] * (1.1f + expert) - mean * (j + 0.3f);
            }
        }
        return out;
    }

    /// One random deployment: experts, ranks, placement, tokens per rank and choices.
    private record Deployment(ExpertPlacement placement, List<RankTokens> ranks) {

        static Deployment random(SplittableRandom random) {
            int ranks = 1 + random.nextInt(6);
            int experts = ranks + random.nextInt(20);
            int chosen = 1 + random.nextInt(Math.min(4, experts));
            ExpertPlacement placement = switch (random.nextInt(3)) {
                case 0 -> ExpertPlacement.linear(experts, ranks);
                case 1 -> ExpertPlacement.roundRobin(experts, ranks);
                default -> shuffled(experts, ranks, random);
            };
            // Now and then every token goes to the same experts, or a rank has no token at all.
            boolean allToOne = random.nextInt(8) == 0;
            List<RankTokens> tokens = new ArrayList<>();
            for (int rank = 0; rank < ranks; rank++) {
                int count = random.nextInt(4) == 0 ? 0 : 1 + random.nextInt(7);
                tokens.add(tokens(count, chosen, experts, allToOne, random));
            }
            return new Deployment(placement, tokens);
        }

        private static ExpertPlacement shuffled(int experts, int ranks, SplittableRandom random) {
            int[] order = permutation(experts, random);
            List<int[]> owned = new ArrayList<>();
            int from = 0;
            for (int rank = 0; rank < ranks; rank++) {
                int left = ranks - rank - 1;
                int to = left == 0 ? experts : from + 1 + random.nextInt(experts - from - left);
                owned.add(Arrays.copyOfRange(order, from, to));
                from = to;
            }
            return ExpertPlacement.of(experts, owned);
        }

        static RankTokens tokens(int count, int chosen, int experts, boolean allToOne, SplittableRandom random) {
            int[] ids = new int[count * chosen];
            float[] weights = new float[count * chosen];
            for (int token = 0; token < count; token++) {
                int[] order = allToOne ? IntStream.range(0, experts).toArray() : permutation(experts, random);
                int[] taken = Arrays.copyOf(order, chosen);
                Arrays.sort(taken);
                System.arraycopy(taken, 0, ids, token * chosen, chosen);
                for (int i = 0; i < chosen; i++) {
                    weights[token * chosen + i] = (float) random.nextDouble();
                }
            }
            float[] rows = new float[count * WIDTH];
            for (int i = 0; i < rows.length; i++) {
                rows[i] = (float) (random.nextDouble() - 0.5) * 100;
            }
            return new RankTokens(count, chosen, ids, weights, rows);
        }

        private static int[] permutation(int length, SplittableRandom random) {
            int[] order = IntStream.range(0, length).toArray();
            for (int i = length - 1; i > 0; i--) {
                int j = random.nextInt(i + 1);
                int kept = order[i];
                order[i] = order[j];
                order[j] = kept;
            }
            return order;
        }
    }

    @Test
    void exchange_anyAssignment_isBitwiseThatOfOneRank() {
        SplittableRandom random = new SplittableRandom(20260817);
        for (int i = 0; i < ASSIGNMENTS; i++) {
            Deployment d = Deployment.random(random);
            ExpertParallel parallel = new ExpertParallel(d.placement, WIDTH, ExpertParallelTest::expert);

            List<float[]> out = parallel.exchange(d.ranks);

            for (int rank = 0; rank < d.ranks.size(); rank++) {
                assertThat(out.get(rank))
                        .as("case %d, rank %d", i, rank)
                        .isEqualTo(parallel.oneRank(d.ranks.get(rank)));
            }
        }
    }

    @Test
    void reduceScatter_termsKeptApart_isBitwiseThatOfOneRank() {
        SplittableRandom random = new SplittableRandom(24588);
        for (int i = 0; i < ASSIGNMENTS; i++) {
            Deployment d = Deployment.random(random);
            ExpertParallel parallel = new ExpertParallel(d.placement, WIDTH, ExpertParallelTest::expert);

            List<float[]> out = parallel.reduceScatter(d.ranks, ExpertParallel.Partials.TERMS)
                    .rows();

            for (int rank = 0; rank < d.ranks.size(); rank++) {
                assertThat(out.get(rank))
                        .as("case %d, rank %d", i, rank)
                        .isEqualTo(parallel.oneRank(d.ranks.get(rank)));
            }
        }
    }

    @Test
    void reduceScatter_partialSums_differByRoundingOnly() {
        SplittableRandom random = new SplittableRandom(7);
        boolean differs = false;
        for (int i = 0; i < 300; i++) {
            Deployment d = Deployment.random(random);
            ExpertParallel parallel = new ExpertParallel(d.placement, WIDTH, ExpertParallelTest::expert);
            List<float[]> out = parallel.reduceScatter(d.ranks, ExpertParallel.Partials.SUMMED)
                    .rows();
            for (int rank = 0; rank < d.ranks.size(); rank++) {
                float[] one = parallel.oneRank(d.ranks.get(rank));
                for (int j = 0; j < one.length; j++) {
                    assertThat(out.get(rank)[j]).isCloseTo(one[j], within(2e-2f)); // terms reach 5e3, 24 bits
                    differs |= out.get(rank)[j] != one[j];
                }
            }
        }

        assertThat(differs)
                .as("partial sums that never round differently would need no warning")
                .isTrue();
    }

    @Test
    void reduceScatter_traffic_conservesTokens() {
        SplittableRandom random = new SplittableRandom(11);
        Deployment d = Deployment.random(random);
        while (d.ranks.size() < 3) {
            d = Deployment.random(random);
        }

        ExpertParallel.Traffic traffic = new ExpertParallel(d.placement, WIDTH, ExpertParallelTest::expert)
                .reduceScatter(d.ranks, ExpertParallel.Partials.TERMS)
                .traffic();

        for (int rank = 0; rank < d.ranks.size(); rank++) {
            RankTokens own = d.ranks.get(rank);
            for (int to = 0; to < d.ranks.size(); to++) {
                long travels = 0;
                for (int token = 0; token < own.tokens(); token++) {
                    List<Integer> owners =
                            traffic.owners().get(rank).subList(token * own.chosen(), (token + 1) * own.chosen());
                    travels += owners.contains(to) ? 1 : 0;
                }
                assertThat(traffic.sent().get(rank).get(to)).isEqualTo((int) travels);
            }
        }
    }

    @Test
    void exchange_poolOneValueShort_isRefused() {
        ExpertParallel parallel = new ExpertParallel(ExpertPlacement.linear(4, 2), WIDTH, ExpertParallelTest::expert);
        List<RankTokens> ranks = List.of(
                Deployment.tokens(3, 2, 4, false, new SplittableRandom(1)),
                Deployment.tokens(2, 2, 4, false, new SplittableRandom(2)));
        ExchangePool.Sizes sizes = parallel.sizes(ranks);
        ExchangePool pool = new ExchangePool(2, sizes.total());
        pool.reserve("dispatch", sizes.dispatch());
        pool.reserve("combine", sizes.combine() - WIDTH * Float.BYTES);
        pool.seal();

        assertThatIllegalArgumentException()
                .isThrownBy(() -> parallel.exchange(ranks, pool))
                .withMessage("region 'combine' of rank 0: values 25 to 30 overrun its 25");
    }

    @Test
    void exchange_otherNumberOfRanks_isRefused() {
        ExpertParallel parallel = new ExpertParallel(ExpertPlacement.linear(4, 2), WIDTH, ExpertParallelTest::expert);
        RankTokens tokens = Deployment.tokens(1, 1, 4, false, new SplittableRandom(1));

        assertThatIllegalArgumentException()
                .isThrownBy(() -> parallel.exchange(List.of(tokens)))
                .withMessage("expected tokens of 2 ranks, as the experts are placed, found 1");
    }

    @Test
    void exchange_expertOrRowsThatCannotBe_areRefused() {
        ExpertParallel parallel = new ExpertParallel(ExpertPlacement.linear(4, 1), WIDTH, ExpertParallelTest::expert);
        RankTokens noSuchExpert = new RankTokens(1, 1, new int[] {4}, new float[] {1}, new float[WIDTH]);
        RankTokens shortRow = new RankTokens(1, 1, new int[] {0}, new float[] {1}, new float[WIDTH - 1]);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> parallel.exchange(List.of(noSuchExpert)))
                .withMessage("expected an expert in 0..3, found 4");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> parallel.reduceScatter(List.of(shortRow), ExpertParallel.Partials.TERMS))
                .withMessage("1 tokens of %d features: expected %d values, found %d", WIDTH, WIDTH, WIDTH - 1);
    }
}
