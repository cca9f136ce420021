package io.github.steelyard.statistics;

import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/// What tokens showed that an expert was given to reach a number of tokens: those that came nearest to being sent to
/// it. Each is kept by itself, so that two parts of a corpus merge: the nearest of both are among the nearest of each.
///
/// Merging keeps all, [#limited] leaves as many as are wanted in the end.
///
/// @param tokens the nearest first; of equally near ones the first of the corpus
public record TopUp(List<Token> tokens) implements Observation<TopUp> {

    private static final Comparator<Token> NEAREST =
            Comparator.comparingDouble(Token::score).reversed().thenComparingLong(Token::token);

    /// Nothing.
    public static final TopUp NONE = new TopUp(List.of());

    /// One token.
    ///
    /// @param score how near it came to being sent to the expert; finite, higher is nearer
    /// @param token its place in the calibration text, over all sequences, plus 2^40 for each earlier copy of the text
    /// @param amax the largest absolute value among the finite ones of its row
    /// @param nonFinite how many values were NaN or infinite
    public record Token(float score, long token, float amax, long nonFinite) {

        /// @throws IllegalArgumentException if a number is none that a token has
        public Token {
            if (!Float.isFinite(score) || token < 0 || !Float.isFinite(amax) || amax < 0 || nonFinite < 0) {
                throw new IllegalArgumentException("no token has score %s, place %s, amax %s, non-finite values %s"
                        .formatted(score, token, amax, nonFinite));
            }
            score += 0f; // -0 becomes +0: equal values have equal bytes
            amax += 0f;
        }
    }

    /// @throws IllegalArgumentException if a token is there twice
    public TopUp {
        tokens = tokens.stream().sorted(NEAREST).toList();
        if (tokens.stream().mapToLong(Token::token).distinct().count() < tokens.size()) {
            throw new IllegalArgumentException("a token is there twice");
        }
    }

    @Override
    public TopUp merge(TopUp other) {
        if (tokens.isEmpty()) {
            return other;
        }
        return other.tokens.isEmpty()
                ? this
                : new TopUp(
                        Stream.concat(tokens.stream(), other.tokens.stream()).toList());
    }

    /// Returns the `most` nearest.
    TopUp limited(long most) {
        return most >= tokens.size() ? this : new TopUp(tokens.subList(0, (int) Math.max(0, most)));
    }

    /// Returns what they showed together.
    public Measurement measurement() {
        return tokens.stream()
                .map(token -> new Measurement(token.amax, 1, token.nonFinite))
                .reduce(Measurement.NONE, Measurement::merge);
    }
}
