package io.github.steelyard.recipe;

import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;

/// How much of its data a calibration draws: all of it at once, or round after round until there is enough.
///
/// @param targetTokens tokens that every expert is to get; empty: nobody asks for a number
/// @param convergence when the amax values have settled; empty: nobody asks
/// @param roundSequences sequences of a round
/// @param mostTokens most tokens that are drawn; empty: all that the data has
/// @param mostMinutes minutes of work after which no round begins; empty: as many as it takes
public record Drawing(
        OptionalInt targetTokens,
        Optional<Convergence> convergence,
        int roundSequences,
        OptionalLong mostTokens,
        OptionalDouble mostMinutes) {

    /// Most tokens that every expert may be asked to get: the candidates of all experts of a layer are kept in memory.
    public static final int MOST_TARGET_TOKENS = 4096;

    /// Tokens that every expert is to get where a recipe says no number.
    static final int TARGET_TOKENS = 64;

    static final int ROUND_SEQUENCES = 128;

    /// All at once.
    public static final Drawing AT_ONCE = new Drawing(
            OptionalInt.empty(), Optional.empty(), ROUND_SEQUENCES, OptionalLong.empty(), OptionalDouble.empty());

    /// When amax values have settled.
    ///
    /// @param growth no amax has grown by more than this factor, at least 1
    /// @param share over the last sequences that are this share of all, between 0 and 1
    public record Convergence(double growth, double share) {

        static final double GROWTH = 1.02;
        static final double SHARE = 0.25;
        static final double MOST_GROWTH = 1e6;

        /// @throws IllegalArgumentException if a number is outside its range
        public Convergence {
            if (!(growth >= 1 && growth <= MOST_GROWTH) || !(share > 0 && share < 1)) {
                throw new IllegalArgumentException("no convergence: growth %s, share %s".formatted(growth, share));
            }
        }
    }

    /// Returns whether data is drawn in rounds.
    public boolean inRounds() {
        return targetTokens.isPresent() || convergence.isPresent();
    }

    /// Returns whether something limits what is drawn.
    public boolean hasBudget() {
        return mostTokens.isPresent() || mostMinutes.isPresent();
    }

    /// Returns the same with a number of tokens for every expert, or without.
    public Drawing withTarget(OptionalInt tokens) {
        return new Drawing(tokens, convergence, roundSequences, mostTokens, mostMinutes);
    }

    /// Returns the same with all sequences in one round.
    ///
    /// @param sequences how many there are
    public Drawing inOneRound(int sequences) {
        return new Drawing(targetTokens, convergence, sequences, mostTokens, mostMinutes);
    }

    /// Returns what the statistics depend on, as text by the names that a recipe has for it. Time is not among them:
    /// how often it sufficed for another round is part of a run's state.
    public SortedMap<String, String> texts() {
        SortedMap<String, String> texts = new TreeMap<>();
        if (inRounds()) {
            texts.put("round_sequences", Integer.toString(roundSequences));
            targetTokens.ifPresent(tokens -> texts.put("target_tokens", Integer.toString(tokens)));
            mostTokens.ifPresent(tokens -> texts.put("budget.tokens", Long.toString(tokens)));
            convergence.ifPresent(settled -> {
                texts.put("until_converged.growth", Double.toString(settled.growth));
                texts.put("until_converged.share", Double.toString(settled.share));
            });
        }
        return texts;
    }
}
