package io.github.steelyard.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.steelyard.recipe.RecipeException;
import io.github.steelyard.recipe.Rule;
import io.github.steelyard.yaml.Position;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

final class RuleBookTest {

    // Rules are tried on shapes of names first; the plain way is to try each on each.
    @Test
    void decide_anyPattern_isAsTheGlobSays() {
        List<String> pieces =
                List.of("*", "model.", "layers.", "1", "12", "?", "[0-3]", "experts", ".", "weight", "_q", "up");
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            names.add("model.layers.%d.experts.%d.up.weight_q".formatted(i % 14, i));
            names.add("model.%d.up_q".formatted(i * 7));
        }
        Random random = new Random(5);
        for (int trial = 0; trial < 400; trial++) {
            StringBuilder pattern = new StringBuilder();
            for (int i = 0; i < 1 + random.nextInt(7); i++) {
                pattern.append(pieces.get(random.nextInt(pieces.size())));
            }
            String text = pattern.toString();
            RuleBook book = new RuleBook(List.of(rule(1, "*up*"), rule(2, text)));
            int matches = 0;
            for (String name : names) {
                boolean expected = Glob.of(text).matches(name);
                matches += expected ? 1 : 0;
                assertThat(book.decide(name, true).rule().map(Rule::pattern))
                        .as("%s on %s", text, name)
                        .contains(expected ? text : "*up*");
            }
            assertThat(book.uses()).extracting(RuleUse::matched).containsExactly(names.size(), matches);
            assertThat(book.uses()).extracting(RuleUse::deciding).containsExactly(names.size() - matches, matches);
        }
    }

    @Test
    void decide_rulesOfEveryShapeOnManyNames_costsOneLookEach() {
        RuleBook book = book(17_000, i -> "*a*e*i*o*%d*x".formatted(i));

        for (int i = 0; i < 200_000; i++) {
            assertThat(book.decide(
                            "model.layers.%d.mlp.experts.%d.up_proj.weight_quantizer".formatted(i / 256, i % 256),
                            true))
                    .isSameAs(Verdict.NONE);
        }
    }

    @Test
    void decide_moreThanCanBeTried_isRefusedAtARule() {
        RuleBook book = book(17_000, i -> "*%d*r".formatted(i));

        assertThatExceptionOfType(RecipeException.class)
                .isThrownBy(() -> {
                    for (int i = 0; i < 10_000_000; i++) {
                        book.decide("model.layers.%d.mlp.experts.1.up_proj.weight_quantizer".formatted(i), true);
                    }
                })
                .withMessageContaining("17000 rules with digits")
                .withMessageContaining("too many for this model's quantizers");
    }

    private static RuleBook book(int rules, IntFunction<String> pattern) {
        List<Rule> list = new ArrayList<>();
        for (int i = 0; i < rules; i++) {
            list.add(rule(i + 1, pattern.apply(i)));
        }
        return new RuleBook(list);
    }

    private static Rule rule(int line, String pattern) {
        return new Rule(
                new Position(Path.of("r.yaml"), line, 1), pattern, Optional.empty(), List.of(), false, true, false);
    }
}
