package io.github.steelyard.cli;

import io.github.steelyard.difference.Difference;
import io.github.steelyard.difference.Difference.DecisionChange;
import io.github.steelyard.difference.Difference.ModuleChange;
import io.github.steelyard.difference.Difference.SiteChange;
import io.github.steelyard.difference.Difference.SiteNumbers;
import io.github.steelyard.difference.Difference.TensorChange;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;

/// Differences in lines for people: counts, and of long lists the beginning. JSON has all.
final class DifferenceText {

    private static final int SHOWN = 20;

    private final List<String> lines = new ArrayList<>();

    private DifferenceText() {}

    static List<String> lines(Difference difference) {
        DifferenceText text = new DifferenceText();
        switch (difference) {
            case Difference.Runs runs -> text.of(runs);
            case Difference.Checkpoints checkpoints -> text.of(checkpoints);
            case Difference.Recipes recipes -> text.of(recipes);
        }
        return text.lines;
    }

    private void of(Difference.Runs runs) {
        lines.add(counts("sites", runs.equalSites(), runs.different(), runs.added(), runs.missing()));
        keys(runs.keys());
        Comparator<SiteChange> farthest = Comparator.comparingDouble(change ->
                -change.amaxRatio().map(ratio -> Math.abs(Math.log(ratio))).orElse(Double.MAX_VALUE));
        list("", runs.different().stream().sorted(farthest).toList(), DifferenceText::site);
        list("only in B: ", runs.added(), name -> name);
        list("only in A: ", runs.missing(), name -> name);
        end(runs.equal());
    }

    private void of(Difference.Checkpoints found) {
        lines.add(counts("tensors", found.equalTensors(), found.different(), found.added(), found.missing()));
        found.formats()
                .forEach((formats, count) -> lines.add(String.format(Locale.ROOT, "%6d modules %s", count, formats)));
        keys(found.configs());
        list("", found.modules().stream().sorted(NEAREST_FIRST).toList(), DifferenceText::module);
        list("", found.different(), DifferenceText::tensor);
        list("only in B: ", found.added(), name -> name);
        list("only in A: ", found.missing(), name -> name);
        end(found.equal());
    }

    private static final Comparator<ModuleChange> NEAREST_FIRST = Comparator.comparingDouble(
            change -> change.sqnrDb().or(change::sourceSqnrDbB).orElse(Double.MAX_VALUE));

    private void of(Difference.Recipes recipes) {
        lines.add(counts("decisions", recipes.equalDecisions(), recipes.different(), List.of(), List.of()));
        keys(recipes.keys());
        list("", recipes.different(), DifferenceText::decision);
        end(recipes.equal());
    }

    private static String counts(String what, int equal, List<?> different, List<?> added, List<?> missing) {
        String one = String.format(Locale.ROOT, "%d %s equal, %d different", equal, what, different.size());
        return added.isEmpty() && missing.isEmpty()
                ? one
                : one + String.format(Locale.ROOT, ", %d only in A, %d only in B", missing.size(), added.size());
    }

    private void keys(List<Difference.Key> keys) {
        list(
                "",
                keys,
                key -> "%s: %s, %s"
                        .formatted(
                                key.key(), key.a().orElse("(absent)"), key.b().orElse("(absent)")));
    }

    private <T> void list(String prefix, List<T> all, Function<T, String> line) {
        all.stream().limit(SHOWN).map(line).map(text -> "  " + prefix + text).forEach(lines::add);
        if (all.size() > SHOWN) {
            lines.add(String.format(Locale.ROOT, "  %sand %d more; --json lists all", prefix, all.size() - SHOWN));
        }
    }

    private void end(boolean equal) {
        lines.add(equal ? "equal" : "different");
    }

    private static String site(SiteChange change) {
        String ratio = change.amaxRatio()
                .map(number -> String.format(Locale.ROOT, " (x %.4f)", number))
                .orElse("");
        return "%s: %s; %s%s".formatted(change.site(), numbers(change.a()), numbers(change.b()), ratio);
    }

    private static String numbers(SiteNumbers numbers) {
        String scale = numbers.scaleAmax().equals(numbers.amax())
                ? ""
                : numbers.scaleAmax()
                        .map(amax -> ", scale of " + amax + " "
                                + numbers.scaleProvenance().orElse(""))
                        .orElse(", no scale");
        return String.format(
                Locale.ROOT,
                "amax %s %s, tokens %d%s",
                numbers.amax().map(String::valueOf).orElse("none"),
                numbers.provenance(),
                numbers.tokens(),
                scale);
    }

    private static String module(ModuleChange change) {
        StringBuilder text = new StringBuilder(change.module()).append(": ").append(change.formatA());
        if (!change.formatA().equals(change.formatB())) {
            text.append(" -> ").append(change.formatB());
        }
        change.codes()
                .ifPresent(all -> text.append(String.format(
                        Locale.ROOT,
                        ", %d of %d codes and %d of %d scales changed",
                        change.codesChanged().orElse(0L),
                        all,
                        change.scalesChanged().orElse(0L),
                        change.scales().orElse(0L))));
        decibels(text, "B against A", change.sqnrDb());
        decibels(text, "A against the source", change.sourceSqnrDbA());
        decibels(text, "B against the source", change.sourceSqnrDbB());
        return text.toString();
    }

    private static void decibels(StringBuilder text, String what, Optional<Double> sqnr) {
        sqnr.ifPresent(number -> text.append(String.format(Locale.ROOT, ", %s %.2f dB", what, number)));
    }

    private static String tensor(TensorChange change) {
        return change.changed()
                .map(changed -> String.format(
                        Locale.ROOT,
                        "%s: %d of %d elements of %s",
                        change.tensor(),
                        changed,
                        change.elements(),
                        change.a()))
                .orElseGet(() -> "%s: %s, %s".formatted(change.tensor(), change.a(), change.b()));
    }

    private static String decision(DecisionChange change) {
        return "%s: %s%s; %s%s"
                .formatted(
                        change.site(),
                        change.a(),
                        change.ruleA().map(rule -> " (" + rule + ")").orElse(""),
                        change.b(),
                        change.ruleB().map(rule -> " (" + rule + ")").orElse(""));
    }
}
