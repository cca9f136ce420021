package io.github.steelyard.moe;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;

/// Expert parallelism as arithmetic: the exchange that serving engines do between devices, over ranks in one process.
///
/// Two exchanges, both between tokens spread by data (dp) and experts spread by rank (ep):
///
/// - [#exchange]: **dispatch** writes each token once per choice into its owner's buffer, at the choice's place in the
///   order of experts; the experts run; **combine** writes each result into the slot of its choice on the token's home
///   rank, where the weighted sum is taken.
/// - [#reduceScatter]: a token travels once per rank that owns one of its experts; what comes back is that rank's part
///   of the token's sum.
///
/// The result is bit for bit that of [#oneRank], for any placement, number of ranks and distribution of tokens: an
/// expert sees the same row, and a token's terms are added in the order of its choices. The partial sums of
/// [Partials#SUMMED] are the exception, as in an engine: they round differently for another placement.
///
/// Source: VLLM, and `docs/NUMERICS.md`, "Expert parallelism".
final class ExpertParallel {

    private static final String DISPATCH = "dispatch";
    private static final String COMBINE = "combine";

    private final ExpertPlacement placement;
    private final int width;
    private final Experts experts;

    /// Computes one expert on rows; a row's result must not depend on the other rows.
    @FunctionalInterface
    public interface Experts {

        /// Computes one expert.
        ///
        /// @param expert the expert, by its global index
        /// @param rows input rows `(count, width)`
        /// @param count number of rows
        /// @return output rows `(count, width)`
        float[] apply(int expert, float[] rows, int count);
    }

    /// What a rank sends back for a token in [#reduceScatter].
    public enum Partials {
        /// The weighted terms one by one; the home rank adds them in the order of the choices.
        TERMS,
        /// Their sum, as engines send it; half the rounding is done away from home.
        SUMMED
    }

    /// What [#reduceScatter] did, for checks and for people.
    ///
    /// @param sent tokens that each rank sent to each `(from, to)`
    /// @param owners by rank, the owner of each choice `(tokens, chosen)`
    public record Traffic(List<List<Integer>> sent, List<List<Integer>> owners) {}

    /// The output rows of each rank `(tokens, width)` and what travelled.
    ///
    /// @param rows by rank
    /// @param traffic what travelled; no rank sends anything when there is only one
    public record Exchanged(List<float[]> rows, Traffic traffic) {}

    /// @param width features of an expert's input and output
    public ExpertParallel(ExpertPlacement placement, int width, Experts experts) {
        this.placement = placement;
        this.width = width;
        this.experts = experts;
    }

    /// The specification: every token on one rank, its terms added in the order of its choices.
    public float[] oneRank(RankTokens tokens) {
        float[] out = new float[tokens.tokens() * width];
        float[] row = new float[width];
        for (int token = 0; token < tokens.tokens(); token++) {
            System.arraycopy(tokens.rows(), token * width, row, 0, width);
            for (int i = 0; i < tokens.chosen(); i++) {
                int choice = token * tokens.chosen() + i;
                float[] term = experts.apply(tokens.experts()[choice], row.clone(), 1);
                add(tokens.weights()[choice], term, 0, out, token * width, i == 0);
            }
        }
        return out;
    }

    private void add(float weight, float[] term, int from, float[] out, int to, boolean first) {
        for (int j = 0; j < width; j++) {
            float weighted = weight * term[from + j];
            out[to + j] = first ? weighted : out[to + j] + weighted;
        }
    }

    /// Returns the bytes that each rank's pool needs for tokens spread so.
    public ExchangePool.Sizes sizes(List<RankTokens> ranks) {
        long padded = (long) padded(ranks) * ranks.size();
        return ExchangePool.Sizes.of(padded, chosen(ranks), width, width, Float.BYTES, ranks.size());
    }

    /// Dispatch and combine through a pool of exactly the computed size.
    ///
    /// @param ranks the tokens of each rank; the counts may differ
    /// @return the output rows of each rank
    public List<float[]> exchange(List<RankTokens> ranks) {
        ExchangePool.Sizes sizes = sizes(ranks);
        ExchangePool pool = new ExchangePool(ranks.size(), sizes.dispatch() + sizes.combine() + ExchangePool.ALIGNMENT);
        pool.reserve(DISPATCH, sizes.dispatch());
        pool.reserve(COMBINE, sizes.combine());
        pool.seal();
        return exchange(ranks, pool);
    }

    /// Dispatch and combine through a given pool, which must have the regions `dispatch` and `combine`.
    ///
    /// @throws IllegalArgumentException if the number of ranks is not that of the placement, an expert or a number of
    ///     values cannot be, or a region is overrun
    public List<float[]> exchange(List<RankTokens> ranks, ExchangePool pool) {
        requireSound(ranks);
        if (ranks.size() == 1) {
            return List.of(oneRank(ranks.getFirst()));
        }
        pool.clear();
        int perRank = padded(ranks) * chosen(ranks);
        SortedChoices sorted = SortedChoices.of(ranks, perRank, placement.experts());
        dispatch(ranks, sorted, perRank, pool);
        BitSet written = compute(sorted, perRank, pool);
        if (written.cardinality() != sorted.count()) {
            throw new IllegalStateException(
                    String.format(Locale.ROOT, "%d of %d slots were written", written.cardinality(), sorted.count()));
        }
        return weightedSums(ranks, pool);
    }

    private void dispatch(List<RankTokens> ranks, SortedChoices sorted, int perRank, ExchangePool pool) {
        for (int rank = 0; rank < ranks.size(); rank++) {
            RankTokens own = ranks.get(rank);
            for (int choice = 0; choice < own.experts().length; choice++) {
                int owner = placement.owner(own.experts()[choice]);
                long place = sorted.place(rank * perRank + choice);
                pool.put(owner, DISPATCH, place * width, own.rows(), choice / own.chosen() * width, width);
            }
        }
    }

    /// Runs each rank's experts on the rows that are theirs, and writes each result into the slot of its choice.
    private BitSet compute(SortedChoices sorted, int perRank, ExchangePool pool) {
        BitSet written = new BitSet();
        for (int rank = 0; rank < placement.ranks(); rank++) {
            for (int expert : placement.owned(rank)) {
                int count = sorted.rows(expert);
                float[] rows = new float[count * width];
                pool.get(rank, DISPATCH, (long) sorted.start(expert) * width, rows, 0, count * width);
                float[] results = count == 0 ? rows : experts.apply(expert, rows, count);
                for (int i = 0; i < count; i++) {
                    int flat = sorted.choice(sorted.start(expert) + i);
                    if (written.get(flat)) {
                        throw new IllegalStateException(
                                String.format(Locale.ROOT, "choice %d was written twice", flat));
                    }
                    written.set(flat);
                    pool.put(flat / perRank, COMBINE, (long) (flat % perRank) * width, results, i * width, width);
                }
            }
        }
        return written;
    }

    private List<float[]> weightedSums(List<RankTokens> ranks, ExchangePool pool) {
        List<float[]> out = new ArrayList<>();
        float[] term = new float[width];
        for (int rank = 0; rank < ranks.size(); rank++) {
            RankTokens own = ranks.get(rank);
            float[] sums = new float[own.tokens() * width];
            for (int choice = 0; choice < own.experts().length; choice++) {
                pool.get(rank, COMBINE, (long) choice * width, term, 0, width);
                int token = choice / own.chosen();
                add(own.weights()[choice], term, 0, sums, token * width, choice % own.chosen() == 0);
            }
            out.add(sums);
        }
        return out;
    }

    /// The earlier exchange: one copy of a token per rank that owns one of its experts, all-to-all there and back.
    ///
    /// @param ranks the tokens of each rank; the counts may differ
    /// @throws IllegalArgumentException if the number of ranks is not that of the placement, or an expert or a number
    ///     of values cannot be
    public Exchanged reduceScatter(List<RankTokens> ranks, Partials partials) {
        requireSound(ranks);
        return new ReduceScatter(placement, width, experts, partials).run(ranks);
    }

    private void requireSound(List<RankTokens> ranks) {
        if (ranks.size() != placement.ranks()) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "expected tokens of %d ranks, as the experts are placed, found %d",
                    placement.ranks(),
                    ranks.size()));
        }
        for (RankTokens rank : ranks) {
            if (rank.rows().length != (long) rank.tokens() * width) {
                throw new IllegalArgumentException(String.format(
                        Locale.ROOT,
                        "%d tokens of %d features: expected %d values, found %d",
                        rank.tokens(),
                        width,
                        (long) rank.tokens() * width,
                        rank.rows().length));
            }
            for (int expert : rank.experts()) {
                if (expert < 0 || expert >= placement.experts()) {
                    throw new IllegalArgumentException(String.format(
                            Locale.ROOT, "expected an expert in 0..%d, found %d", placement.experts() - 1, expert));
                }
            }
        }
    }

    private static int padded(List<RankTokens> ranks) {
        return ranks.stream().mapToInt(RankTokens::tokens).max().orElse(0);
    }

    private static int chosen(List<RankTokens> ranks) {
        int chosen = ranks.getFirst().chosen();
        for (RankTokens rank : ranks) {
            if (rank.chosen() != chosen) {
                throw new IllegalArgumentException(
                        String.format(Locale.ROOT, "ranks choose %d and %d experts per token", chosen, rank.chosen()));
            }
        }
        return chosen;
    }
}
