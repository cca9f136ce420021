package io.github.steelyard.moe;

import java.util.Arrays;
import java.util.List;

/// All choices of all ranks in the order of their experts, ties in the order of the choices: what every rank knows
/// after the routing tables are gathered. A choice's number is `rank · perRank + token · chosen + i`; ranks with fewer
/// tokens leave numbers unused.
final class SortedChoices {

    private static final int UNUSED = -1;

    private final int[] starts; // (experts + 1): first place of each expert
    private final int[] places; // (ranks · perRank): place of a choice
    private final int[] choices; // (count): choice at a place

    private SortedChoices(int[] starts, int[] places, int[] choices) {
        this.starts = starts;
        this.places = places;
        this.choices = choices;
    }

    static SortedChoices of(List<RankTokens> ranks, int perRank, int experts) {
        int[] starts = new int[experts + 1];
        for (RankTokens rank : ranks) {
            for (int expert : rank.experts()) {
                starts[expert + 1]++;
            }
        }
        for (int expert = 0; expert < experts; expert++) {
            starts[expert + 1] += starts[expert];
        }
        int[] places = new int[Math.multiplyExact(ranks.size(), perRank)];
        Arrays.fill(places, UNUSED);
        int[] choices = new int[starts[experts]];
        int[] next = starts.clone();
        for (int rank = 0; rank < ranks.size(); rank++) {
            int[] chosen = ranks.get(rank).experts();
            for (int i = 0; i < chosen.length; i++) {
                int flat = rank * perRank + i;
                int place = next[chosen[i]]++;
                places[flat] = place;
                choices[place] = flat;
            }
        }
        return new SortedChoices(starts, places, choices);
    }

    /// Returns the number of choices.
    int count() {
        return choices.length;
    }

    int start(int expert) {
        return starts[expert];
    }

    int rows(int expert) {
        return starts[expert + 1] - starts[expert];
    }

    int place(int choice) {
        return places[choice];
    }

    int choice(int place) {
        return choices[place];
    }
}
