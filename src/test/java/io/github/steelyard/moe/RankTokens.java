package io.github.steelyard.moe;

import java.util.Locale;

/// The tokens of one rank: their rows, the experts chosen for each, and the weights of the choices.
///
/// @param tokens number of tokens; 0 for a rank without work
/// @param chosen experts chosen per token
/// @param experts chosen experts `(tokens, chosen)`; their order is the order of the weighted sum
/// @param weights weights `(tokens, chosen)`
/// @param rows input rows `(tokens, width)`
@SuppressWarnings("ArrayRecordComponent") // never compared
record RankTokens(int tokens, int chosen, int[] experts, float[] weights, float[] rows) {

    public RankTokens {
        long choices = (long) tokens * chosen;
        if (tokens < 0 || chosen < 1 || experts.length != choices || weights.length != choices) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "%d tokens with %d experts each: expected %d choices, found %d and %d",
                    tokens,
                    chosen,
                    choices,
                    experts.length,
                    weights.length));
        }
    }
}
