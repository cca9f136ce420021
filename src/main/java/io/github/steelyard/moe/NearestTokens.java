package io.github.steelyard.moe;

import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// For each expert of a layer, of the tokens that its router did not send there those that came nearest to it.
///
/// How near a token came is the expert's score less the lowest score that was chosen, both as the choice compares them
/// ([Routing#compared]). Of equal ones the first of the corpus counts; a score that is not finite counts as none. So
/// what is kept does not depend on the order in which tokens are offered, and each may be offered by another worker.
final class NearestTokens {

    /// A token that was not sent to an expert.
    ///
    /// @param score how near it came; higher is nearer
    /// @param weight the weight that the router would have given
    private record Candidate(float score, int token, float weight) {

        /// The farthest first.
        private static final Comparator<Candidate> FARTHEST =
                Comparator.comparingDouble(Candidate::score).thenComparing(Candidate::token, Comparator.reverseOrder());
    }

    /// Tokens that came nearest to one expert, in the order of the corpus.
    ///
    /// @param tokens rows of the corpus, ascending
    /// @param scores how near each came
    /// @param weights the weights that the router would have given
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Chosen(int[] tokens, float[] scores, float[] weights) {}

    private final List<Nearest> experts;

    /// @param wanted most tokens that are kept for each expert
    NearestTokens(int[] wanted) {
        experts = IntStream.of(wanted).mapToObj(Nearest::new).toList();
    }

    /// Offers a token to all experts that it was not sent to.
    ///
    /// @param scores its scores as the choice compares them `(experts)`
    /// @param chosen the experts that it was sent to, ascending
    void offer(Routing routing, float[] scores, int token, int[] chosen) {
        float lowest = Float.POSITIVE_INFINITY;
        for (int expert : chosen) {
            lowest = Math.min(lowest, scores[expert]);
        }
        int next = 0; // in `chosen`
        for (int expert = 0; expert < scores.length; expert++) {
            if (next < chosen.length && chosen[next] == expert) {
                next++;
                continue;
            }
            float score = scores[expert] - lowest + 0f; // of two zeros there is one
            if (Float.isFinite(score) && experts.get(expert).mayTake(score)) {
                experts.get(expert).take(new Candidate(score, token, routing.weightAlone(scores[expert])));
            }
        }
    }

    /// Returns the `most` nearest tokens of an expert, or as many as there are. No [#offer] may be under way.
    Chosen nearest(int expert, int most) {
        List<Candidate> best = experts.get(expert)
                .kept()
                .sorted(Candidate.FARTHEST.reversed())
                .limit(most)
                .sorted(Comparator.comparingInt(Candidate::token))
                .toList();
        float[] scores = new float[best.size()];
        float[] weights = new float[best.size()];
        for (int i = 0; i < scores.length; i++) {
            scores[i] = best.get(i).score;
            weights[i] = best.get(i).weight;
        }
        return new Chosen(best.stream().mapToInt(Candidate::token).toArray(), scores, weights);
    }

    /// Those of one expert.
    private static final class Nearest {

        private final int wanted;
        private final PriorityQueue<Candidate> kept = new PriorityQueue<>(Candidate.FARTHEST);
        private volatile float least; // what a score must reach

        Nearest(int wanted) {
            this.wanted = wanted;
            this.least = wanted > 0 ? Float.NEGATIVE_INFINITY : Float.POSITIVE_INFINITY;
        }

        boolean mayTake(float score) {
            return wanted > 0 && score >= least;
        }

        synchronized void take(Candidate candidate) {
            kept.add(candidate);
            if (kept.size() > wanted) {
                kept.remove();
            }
            if (kept.size() == wanted) {
                least = kept.element().score;
            }
        }

        Stream<Candidate> kept() {
            return kept.stream();
        }
    }
}
