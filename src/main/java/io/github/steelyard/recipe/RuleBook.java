package io.github.steelyard.recipe;

import io.github.steelyard.model.ModuleInfo;
import io.github.steelyard.model.Site;
import java.util.ArrayList;
import java.util.List;

/// The rules of a recipe, applied top to bottom, with a count of what each did.
final class RuleBook {

    private final List<Rule> rules;
    private final List<Glob> globs;
    private final int[] matched;
    private final int[] deciding;

    RuleBook(List<Rule> rules) {
        this.rules = List.copyOf(rules);
        globs = rules.stream().map(rule -> Glob.of(rule.pattern())).toList();
        matched = new int[rules.size()];
        deciding = new int[rules.size()];
    }

    Verdict decide(Site site, ModuleInfo module) {
        return decide(site.name(), module.kind() != ModuleInfo.Kind.ATTENTION);
    }

    /// Applies the rules to one quantizer and counts.
    ///
    /// @param linear whether the quantizer's module is an `nn.Linear`
    Verdict decide(String name, boolean linear) {
        String normalised = QuantizerName.normalised(name);
        Verdict verdict = Verdict.NONE;
        int last = -1;
        for (int i = 0; i < globs.size(); i++) {
            Rule rule = rules.get(i);
            Glob glob = globs.get(i);
            if (isOfClass(rule, linear)
                    && (glob.matches(name) || (!normalised.equals(name) && glob.matches(normalised)))) {
                matched[i]++;
                last = i;
                verdict = verdict.then(rule);
            }
        }
        if (last >= 0) {
            deciding[last]++;
        }
        return verdict;
    }

    /// Returns what each rule did so far, in order.
    List<RuleUse> uses() {
        List<RuleUse> uses = new ArrayList<>();
        for (int i = 0; i < matched.length; i++) {
            uses.add(new RuleUse(rules.get(i), matched[i], deciding[i]));
        }
        return uses;
    }

    private static boolean isOfClass(Rule rule, boolean linear) {
        return rule.parentClass().isEmpty()
                || (linear && rule.parentClass().get().equals("nn.Linear"));
    }
}
