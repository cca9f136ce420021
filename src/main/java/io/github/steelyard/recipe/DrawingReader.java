package io.github.steelyard.recipe;

import io.github.steelyard.recipe.CalibrationOptions.Experts;
import io.github.steelyard.recipe.Drawing.Convergence;
import io.github.steelyard.yaml.Fields;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// Reads the keys of `calibration` that say how much data is drawn.
final class DrawingReader {

    private static final String TARGET = "target_tokens";
    private static final String CONVERGED = "until_converged";
    private static final String ROUND = "round_sequences";
    private static final String BUDGET = "budget";
    private static final double MOST_MINUTES = 1e6;

    private DrawingReader() {}

    /// @param minTokens what makes an expert starved: the target is no smaller
    static Drawing drawing(Fields fields, Experts experts, long minTokens) {
        OptionalInt target =
                experts == Experts.TOP_UP ? OptionalInt.of(target(fields, minTokens)) : OptionalInt.empty();
        if (target.isEmpty()) {
            refuse(fields, TARGET, "needs calibration.experts: top_up");
        }
        Optional<Convergence> convergence = fields.mapping(CONVERGED).map(DrawingReader::convergence);
        int round = fields.count(ROUND, Integer.MAX_VALUE, Drawing.ROUND_SEQUENCES);
        Drawing unlimited = new Drawing(target, convergence, round, OptionalLong.empty(), OptionalDouble.empty());
        Drawing drawing =
                fields.mapping(BUDGET).map(budget -> within(unlimited, budget)).orElse(unlimited);
        if (!drawing.inRounds()) {
            for (String key : List.of(ROUND, BUDGET)) {
                refuse(fields, key, "needs calibration.experts: top_up, or calibration.until_converged");
            }
        }
        return drawing;
    }

    /// Returns how many tokens experts are to get where nothing is written.
    ///
    /// @throws IllegalArgumentException if no target is as large
    static int target(long minTokens) {
        if (minTokens > Drawing.MOST_TARGET_TOKENS) {
            throw new IllegalArgumentException(
                    "calibration.min_tokens: expected at most %s with experts: top_up, found %s"
                            .formatted(Drawing.MOST_TARGET_TOKENS, minTokens));
        }
        return Math.max(Drawing.TARGET_TOKENS, (int) minTokens);
    }

    private static int target(Fields fields, long minTokens) {
        int least;
        try {
            least = target(minTokens);
        } catch (IllegalArgumentException e) {
            throw new RecipeException(fields.required("min_tokens").at(), String.valueOf(e.getMessage()));
        }
        return fields.integer(TARGET, Math.max(1, minTokens), Drawing.MOST_TARGET_TOKENS)
                .map(Long::intValue)
                .orElse(least);
    }

    private static void refuse(Fields fields, String key, String needs) {
        fields.node(key).ifPresent(node -> {
            throw new RecipeException(node.at(), "%s: %s".formatted(fields.path(key), needs));
        });
    }

    private static Convergence convergence(Fields fields) {
        double growth = fields.number("growth", 1, Convergence.MOST_GROWTH, Convergence.GROWTH);
        double share = fields.number("share").orElse(Convergence.SHARE);
        if (!(share > 0 && share < 1)) {
            throw fields.wrong("share", fields.required("share"), "a number between 0 and 1");
        }
        fields.close();
        return new Convergence(growth, share);
    }

    private static Drawing within(Drawing drawing, Fields fields) {
        OptionalLong tokens = fields.integer("tokens", 1, Long.MAX_VALUE)
                .map(OptionalLong::of)
                .orElse(OptionalLong.empty());
        OptionalDouble minutes =
                fields.number("minutes").map(OptionalDouble::of).orElse(OptionalDouble.empty());
        if (minutes.isPresent() && !(minutes.getAsDouble() > 0 && minutes.getAsDouble() <= MOST_MINUTES)) {
            throw fields.wrong("minutes", fields.required("minutes"), "a number above 0, at most " + MOST_MINUTES);
        }
        fields.close();
        return new Drawing(drawing.targetTokens(), drawing.convergence(), drawing.roundSequences(), tokens, minutes);
    }
}
