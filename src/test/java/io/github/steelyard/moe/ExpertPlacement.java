package io.github.steelyard.moe;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// Which rank owns which expert. Every expert has exactly one owner and every rank owns at least one.
final class ExpertPlacement {

    private static final int NOBODY = -1;

    private final int[] owner; // (experts)
    private final int[][] owned; // (ranks, own experts), ascending
    private final int[] local; // (experts): place among the owner's experts

    private ExpertPlacement(int[] owner, int[][] owned) {
        this.owner = owner;
        this.owned = owned;
        this.local = new int[owner.length];
        for (int[] experts : owned) {
            for (int i = 0; i < experts.length; i++) {
                local[experts[i]] = i;
            }
        }
    }

    /// Contiguous blocks of experts; when they do not divide evenly, the first ranks own one more.
    ///
    /// @throws IllegalArgumentException if a rank would own nothing
    public static ExpertPlacement linear(int experts, int ranks) {
        requireEnough(experts, ranks);
        int each = experts / ranks;
        int more = experts % ranks;
        int[][] owned = new int[ranks][];
        int next = 0;
        for (int rank = 0; rank < ranks; rank++) {
            owned[rank] = new int[each + (rank < more ? 1 : 0)];
            for (int i = 0; i < owned[rank].length; i++) {
                owned[rank][i] = next++;
            }
        }
        return of(experts, List.of(owned));
    }

    /// Expert `e` on rank `e mod ranks`.
    ///
    /// @throws IllegalArgumentException if a rank would own nothing
    public static ExpertPlacement roundRobin(int experts, int ranks) {
        requireEnough(experts, ranks);
        int[][] owned = new int[ranks][];
        for (int rank = 0; rank < ranks; rank++) {
            owned[rank] = new int[Math.ceilDiv(experts - rank, ranks)];
            for (int i = 0; i < owned[rank].length; i++) {
                owned[rank][i] = rank + i * ranks;
            }
        }
        return of(experts, List.of(owned));
    }

    /// Any placement.
    ///
    /// @param experts number of experts
    /// @param ranks the experts of each rank, in any order
    /// @throws IllegalArgumentException if a rank owns nothing, an index is out of range, or an expert has no owner or
    ///     several
    public static ExpertPlacement of(int experts, List<int[]> ranks) {
        int[] owner = new int[experts];
        Arrays.fill(owner, NOBODY);
        int[][] owned = new int[ranks.size()][];
        for (int rank = 0; rank < owned.length; rank++) {
            owned[rank] = ranks.get(rank).clone();
            Arrays.sort(owned[rank]);
            claim(owner, owned[rank], rank);
        }
        for (int expert = 0; expert < experts; expert++) {
            if (owner[expert] == NOBODY) {
                throw new IllegalArgumentException(
                        String.format(Locale.ROOT, "expert %d of %d has no rank", expert, experts));
            }
        }
        return new ExpertPlacement(owner, owned);
    }

    private static void claim(int[] owner, int[] experts, int rank) {
        if (experts.length == 0) {
            throw new IllegalArgumentException(String.format(Locale.ROOT, "rank %d owns no expert", rank));
        }
        for (int expert : experts) {
            if (expert < 0 || expert >= owner.length) {
                throw new IllegalArgumentException(String.format(
                        Locale.ROOT, "rank %d: expected an expert in 0..%d, found %d", rank, owner.length - 1, expert));
            }
            if (owner[expert] != NOBODY) {
                throw new IllegalArgumentException(String.format(
                        Locale.ROOT, "expert %d is on rank %d and on rank %d", expert, owner[expert], rank));
            }
            owner[expert] = rank;
        }
    }

    private static void requireEnough(int experts, int ranks) {
        if (ranks < 1 || experts < ranks) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT, "%d experts on %d ranks: expected at least one expert per rank", experts, ranks));
        }
    }

    /// Returns the number of experts.
    public int experts() {
        return owner.length;
    }

    /// Returns the number of ranks.
    public int ranks() {
        return owned.length;
    }

    /// Returns the rank that owns `expert`.
    public int owner(int expert) {
        return owner[expert];
    }

    /// Returns the experts of `rank`, ascending.
    public int[] owned(int rank) {
        return owned[rank].clone();
    }

    /// Returns the place of `expert` among the experts of `rank`, or −1 when another rank owns it.
    public int local(int rank, int expert) {
        return owner[expert] == rank ? local[expert] : NOBODY;
    }

    /// Returns the experts of `rank` as bits, bit `e mod 32` of word `e / 32`.
    public int[] bitmask(int rank) {
        int[] words = new int[Math.ceilDiv(owner.length, Integer.SIZE)];
        for (int expert : owned[rank]) {
            words[expert / Integer.SIZE] |= 1 << expert % Integer.SIZE;
        }
        return words;
    }
}
