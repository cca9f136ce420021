package io.github.steelyard.oracle;

import java.util.ArrayList;
import java.util.List;

/// A decision for people: the answer, and on request every step to it.
public final class DecisionText {

    private DecisionText() {}

    /// Returns the answer in a few lines.
    public static List<String> answer(Decision decision) {
        List<String> lines = new ArrayList<>();
        switch (decision) {
            case Selection selection -> {
                lines.add(selection
                        .experts()
                        .map(experts -> "%s (%s)".formatted(selection.backend(), experts))
                        .orElse(selection.backend()));
                lines.add("  w13 input:    " + selection.w13Input().label());
                lines.add("  w2 input:     " + selection.w2Input().label());
                lines.add("  input scales: " + selection.inputScales().word());
            }
            case Refusal refusal ->
                lines.add("refused, %s: %s".formatted(refusal.kind().label(), refusal.reason()));
        }
        decision.notes().forEach(note -> lines.add("  note: " + note));
        return lines;
    }

    /// Returns every step: who asked for what, the candidates in order, why each was rejected, and the answer.
    public static List<String> steps(Decision decision) {
        List<String> lines = new ArrayList<>();
        lines.add("asked for:  "
                + decision.choice()
                        .map(choice -> "%s (%s)".formatted(choice.name(), choice.source()))
                        .orElse("nothing; the engine chooses"));
        lines.add(
                "candidates: " + (decision.candidates().isEmpty() ? "none" : String.join(", ", decision.candidates())));
        for (Rejection rejection : decision.rejected()) {
            lines.add("rejected:   " + rejection.label());
        }
        List<String> answer = answer(decision);
        lines.add("answer:     " + answer.getFirst());
        lines.addAll(answer.subList(1, answer.size()));
        return lines;
    }
}
