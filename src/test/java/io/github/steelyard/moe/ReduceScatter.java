package io.github.steelyard.moe;

import io.github.steelyard.moe.ExpertParallel.Exchanged;
import io.github.steelyard.moe.ExpertParallel.Experts;
import io.github.steelyard.moe.ExpertParallel.Partials;
import io.github.steelyard.moe.ExpertParallel.Traffic;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// One run of the exchange in which a token travels once per rank that owns one of its experts. Choices that another
/// rank owns travel as a sentinel (the number of local experts) with weight 0 and are never computed.
final class ReduceScatter {

    private final ExpertPlacement placement;
    private final int width;
    private final Experts experts;
    private final Partials partials;

    ReduceScatter(ExpertPlacement placement, int width, Experts experts, Partials partials) {
        this.placement = placement;
        this.width = width;
        this.experts = experts;
        this.partials = partials;
    }

    /// What one rank sends to another: some of its tokens, with their choices in the receiver's own numbering.
    ///
    /// @param tokens the sender's token numbers
    /// @param local chosen experts `(tokens, chosen)` by place on the receiver, or the sentinel
    /// @param weights weights `(tokens, chosen)`, 0 for the sentinel
    /// @param rows input rows `(tokens, width)`
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Parcel(int[] tokens, int[] local, float[] weights, float[] rows) {}

    Exchanged run(List<RankTokens> ranks) {
        List<float[]> sums = new ArrayList<>();
        List<List<Integer>> sent = new ArrayList<>();
        List<List<Integer>> owners = new ArrayList<>();
        for (RankTokens own : ranks) {
            owners.add(
                    Arrays.stream(own.experts()).map(placement::owner).boxed().toList());
            List<Integer> counts = new ArrayList<>();
            float[][] terms = new float[own.experts().length][];
            float[] sum = new float[own.tokens() * width];
            for (int to = 0; to < placement.ranks(); to++) {
                Parcel parcel = pack(own, to);
                counts.add(parcel.tokens.length);
                float[][] back = compute(parcel, own.chosen(), to);
                unpack(parcel, back, own.chosen(), terms, sum);
            }
            sent.add(List.copyOf(counts));
            sums.add(partials == Partials.SUMMED ? sum : inOrder(own, terms));
        }
        return new Exchanged(sums, new Traffic(sent, owners));
    }

    private Parcel pack(RankTokens own, int to) {
        int chosen = own.chosen();
        int sentinel = placement.owned(to).length;
        int[] tokens = IntStream.range(0, own.tokens())
                .filter(token -> owns(own, token, to))
                .toArray();
        int[] local = new int[tokens.length * chosen];
        float[] weights = new float[local.length];
        float[] rows = new float[tokens.length * width];
        for (int i = 0; i < tokens.length; i++) {
            System.arraycopy(own.rows(), tokens[i] * width, rows, i * width, width);
            for (int k = 0; k < chosen; k++) {
                int choice = tokens[i] * chosen + k;
                int place = placement.local(to, own.experts()[choice]);
                local[i * chosen + k] = place < 0 ? sentinel : place;
                weights[i * chosen + k] = place < 0 ? 0 : own.weights()[choice];
            }
        }
        return new Parcel(tokens, local, weights, rows);
    }

    private boolean owns(RankTokens own, int token, int rank) {
        for (int k = 0; k < own.chosen(); k++) {
            if (placement.owner(own.experts()[token * own.chosen() + k]) == rank) {
                return true;
            }
        }
        return false;
    }

    /// Returns the weighted terms of a parcel's own choices; empty arrays for the sentinel.
    private float[][] compute(Parcel parcel, int chosen, int rank) {
        int[] owned = placement.owned(rank);
        float[][] terms = new float[parcel.local.length][];
        float[] row = new float[width];
        for (int i = 0; i < parcel.local.length; i++) {
            if (parcel.local[i] == owned.length) {
                terms[i] = new float[0];
                continue;
            }
            System.arraycopy(parcel.rows, i / chosen * width, row, 0, width);
            float[] term = experts.apply(owned[parcel.local[i]], row.clone(), 1);
            for (int j = 0; j < width; j++) {
                term[j] = parcel.weights[i] * term[j];
            }
            terms[i] = term;
        }
        return terms;
    }

    /// Takes a parcel's terms home: kept apart by choice, or added as this rank's partial sum.
    private void unpack(Parcel parcel, float[][] back, int chosen, float[][] terms, float[] sum) {
        float[] partial = new float[width];
        for (int i = 0; i < parcel.tokens.length; i++) {
            Arrays.fill(partial, 0);
            for (int k = 0; k < chosen; k++) {
                float[] term = back[i * chosen + k];
                if (term.length > 0) {
                    terms[parcel.tokens[i] * chosen + k] = term;
                    addTo(partial, 0, term);
                }
            }
            addTo(sum, parcel.tokens[i] * width, partial);
        }
    }

    private float[] inOrder(RankTokens own, float[][] terms) {
        float[] sums = new float[own.tokens() * width];
        for (int choice = 0; choice < terms.length; choice++) {
            int to = choice / own.chosen() * width;
            if (choice % own.chosen() == 0) {
                System.arraycopy(terms[choice], 0, sums, to, width);
            } else {
                addTo(sums, to, terms[choice]);
            }
        }
        return sums;
    }

    private static void addTo(float[] sums, int to, float[] term) {
        for (int j = 0; j < term.length; j++) {
            sums[to + j] += term[j];
        }
    }
}
