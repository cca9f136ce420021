package io.github.steelyard.plan;

import io.github.steelyard.recipe.RecipeException;
import io.github.steelyard.recipe.Rule;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Site;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// The rules of a recipe, applied top to bottom, with a count of what each did.
///
/// Names of a model differ mostly in the numbers of layers and experts, so rules are first held against the *shapes* of
/// names: what a rule without digits says of a shape holds for all its names, and a rule that cannot match a shape is
/// not tried on them. What is left is bounded.
final class RuleBook {

    /// Most characters compared, which takes some seconds.
    private static final long MOST_WORK = 1_000_000_000L;

    private final List<Rule> rules;
    private final List<Glob> globs;
    private final List<Glob> loose;
    private final long[] matched;
    private final long[] deciding;
    private final Map<ShapeKey, Shape> shapes = new HashMap<>();
    private final Glob.Work work = new Glob.Work(MOST_WORK);

    private record ShapeKey(String shape, String moduleClass) {}

    /// What the rules are to the names of one shape.
    private static final class Shape {
        private final List<Integer> candidates = new ArrayList<>();
        private boolean exact = true; // every candidate matches every name
        private long names;
        private Verdict verdict = Verdict.NONE;
    }

    RuleBook(List<Rule> rules) {
        this.rules = List.copyOf(rules);
        globs = rules.stream().map(rule -> Glob.of(rule.pattern())).toList();
        loose = globs.stream().map(Glob::loosened).toList();
        matched = new long[rules.size()];
        deciding = new long[rules.size()];
    }

    Verdict decide(Site site, ModuleInfo module) {
        return decide(site.name(), module.kind() != ModuleInfo.Kind.ATTENTION);
    }

    /// Applies the rules to one quantizer and counts.
    ///
    /// @param linear whether the quantizer's module is an `nn.Linear`
    /// @throws RecipeException if rules and quantizers are too many to try each on each
    Verdict decide(String name, boolean linear) {
        return decide(name, linear ? "nn.Linear" : "");
    }

    /// Applies the rules to one quantizer and counts.
    ///
    /// @param moduleClass class of the quantizer's module, as `parent_class` names it; empty for others
    /// @throws RecipeException as the other form does
    Verdict decide(String name, String moduleClass) {
        String normalised = QuantizerName.normalised(name);
        Shape shape = shapes.computeIfAbsent(
                new ShapeKey(Glob.shape(name), moduleClass), key -> shape(key, Glob.shape(normalised)));
        shape.names++;
        if (shape.exact) {
            return shape.verdict;
        }
        Verdict verdict = Verdict.NONE;
        int last = -1;
        for (int i : shape.candidates) {
            work.spend(1);
            if (globs.get(i).matches(name, work)
                    || (!normalised.equals(name) && globs.get(i).matches(normalised, work))) {
                matched[i]++;
                last = i;
                verdict = verdict.then(rules.get(i));
            }
            if (work.isSpent()) {
                throw new RecipeException(
                        rules.get(i).at(),
                        String.format(
                                Locale.ROOT,
                                "%d rules with digits or '?' or '[' in their names are too many for this model's quantizers",
                                shape.candidates.size()));
            }
        }
        if (last >= 0) {
            deciding[last]++;
        }
        return verdict;
    }

    private Shape shape(ShapeKey key, String normalised) {
        Shape shape = new Shape();
        for (int i = 0; i < rules.size(); i++) {
            boolean possible = isOfClass(rules.get(i), key.moduleClass())
                    && (loose.get(i).matches(key.shape(), work) || loose.get(i).matches(normalised, work));
            if (possible) {
                shape.candidates.add(i);
                shape.exact &= globs.get(i).ignoresDigits();
                shape.verdict = shape.verdict.then(rules.get(i));
            }
        }
        return shape;
    }

    /// Returns what each rule did so far, in order.
    List<RuleUse> uses() {
        long[] all = matched.clone();
        long[] decided = deciding.clone();
        for (Shape shape : shapes.values()) {
            if (shape.exact) {
                shape.candidates.forEach(i -> all[i] += shape.names);
                if (!shape.candidates.isEmpty()) {
                    decided[shape.candidates.getLast()] += shape.names;
                }
            }
        }
        List<RuleUse> uses = new ArrayList<>();
        for (int i = 0; i < all.length; i++) {
            uses.add(new RuleUse(rules.get(i), Math.toIntExact(all[i]), Math.toIntExact(decided[i])));
        }
        return uses;
    }

    private static boolean isOfClass(Rule rule, String moduleClass) {
        return rule.parentClass().isEmpty() || rule.parentClass().get().equals(moduleClass);
    }
}
