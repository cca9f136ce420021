package io.github.steelyard.draw;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.steelyard.model.Sequences;
import io.github.steelyard.recipe.Drawing;
import io.github.steelyard.recipe.Drawing.Convergence;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.ModuleInfo.Kind;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.testing.ExpertNames;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

final class RoundsTest {

    private static final ModuleInfo ATTENTION =
            new ModuleInfo("layers.0.self_attn", Kind.ATTENTION, 0, 0, 0, List.of());
    private static final Site KEY = new Site(ATTENTION.name(), Role.KEY);
    private static final Site VALUE = new Site(ATTENTION.name(), Role.VALUE);
    private static final String EXPERT = "model.layers.0.mlp.experts.2";
    private static final ModuleInfo DOWN = new ModuleInfo(EXPERT + ".down_proj", Kind.LINEAR, 8, 8, 0, List.of())
            .of(ExpertNames.part(EXPERT + ".down_proj").orElseThrow());
    private static final Site INPUT = new Site(DOWN.name(), Role.INPUT);
    private static final Sequences TEN = new Sequences(Collections.nCopies(10, new int[8]));

    @Test
    void atOnce_isOneRoundOfAll_withoutACurve() {
        Rounds rounds = rounds(Drawing.AT_ONCE);

        assertThat(rounds.next()).isEqualTo(10);
        assertThat(rounds.stop()).isEmpty();
        rounds.add(10, keys(1, 1));
        assertThat(rounds.stop()).contains(Draws.Stop.DATA);
        assertThat(rounds.draws(Draws.Stop.DATA)).isEmpty();
    }

    // Of ten sequences the last 40 % are four: what six had shown is what counts, not what eight had.
    @Test
    void convergence_comparesWithTheLastRoundBeforeTheStatedShare() {
        Rounds rounds = rounds(converging(1.1, 0.4, 2));
        rounds.add(2, keys(1, 1));
        assertThat(curve(rounds).getLast().growth()).isEmpty();
        rounds.add(4, keys(1.5f, 1));
        assertThat(curve(rounds).getLast().growth()).contains(new Draws.Growth(2, 1, 0, 1.5, Optional.of(KEY)));
        rounds.add(6, keys(1.25f, 0.5f));
        assertThat(curve(rounds).getLast().growth().orElseThrow().since()).isEqualTo(2);
        rounds.add(8, keys(1, 1));
        assertThat(rounds.stop()).contains(Draws.Stop.REACHED);
        assertThat(curve(rounds).getLast())
                .isEqualTo(new Draws.Round(8, 64, 0, Optional.of(new Draws.Growth(4, 0, 0, 1, Optional.empty()))));
        rounds.add(10, keys(1.6f, 1));
        assertThat(curve(rounds).getLast().growth())
                .contains(new Draws.Growth(6, 0, 0, (double) 1.6f / 1.5f, Optional.of(KEY)));
    }

    @Test
    void convergence_siteThatWasZero_hasGrown() {
        Rounds rounds = rounds(converging(1e6, 0.5, 5));
        rounds.add(5, keys(1, 0));
        rounds.add(10, keys(1, 0.001f));

        assertThat(curve(rounds).getLast().growth()).contains(new Draws.Growth(5, 1, 1, 1, Optional.empty()));
        assertThat(rounds.stop()).contains(Draws.Stop.DATA);
    }

    @Test
    void target_countsTheRoutedTokensOfAllRounds() {
        Rounds rounds = rounds(
                new Drawing(OptionalInt.of(6), Optional.empty(), 4, OptionalLong.empty(), OptionalDouble.empty()));
        assertThat(rounds.lacking()).isEqualTo(Map.of(EXPERT, 6));
        rounds.add(4, Statistics.of(Map.of(INPUT, SiteStatistics.of(1, 2, 0))));
        assertThat(rounds.lacking()).isEqualTo(Map.of(EXPERT, 4));
        assertThat(rounds.stop()).isEmpty();
        assertThat(rounds.next()).isEqualTo(8);
        rounds.add(8, Statistics.of(Map.of(INPUT, SiteStatistics.of(1, 5, 0))));

        assertThat(rounds.lacking()).isEqualTo(Map.of(EXPERT, 0));
        assertThat(rounds.stop()).contains(Draws.Stop.REACHED);
        assertThat(curve(rounds)).extracting(Draws.Round::starved).containsExactly(1, 0);
    }

    @Test
    void budget_ofTokens_endsBeforeTheSequenceThatExceedsIt() {
        Drawing drawing =
                new Drawing(OptionalInt.of(6), Optional.empty(), 4, OptionalLong.of(55), OptionalDouble.empty());
        Rounds rounds = rounds(drawing);
        rounds.add(rounds.next(), keys(1, 1));
        assertThat(rounds.next()).isEqualTo(6); // 48 tokens
        rounds.add(6, keys(1, 1));

        assertThat(rounds.stop()).contains(Draws.Stop.TOKENS);
        Drawing none = new Drawing(OptionalInt.of(6), Optional.empty(), 4, OptionalLong.of(7), OptionalDouble.empty());
        assertThatIllegalArgumentException().isThrownBy(() -> rounds(none)).withMessageContaining("7 tokens are fewer");
    }

    @Test
    void budget_ofTime_countsWhatEarlierProcessesTook() {
        Drawing drawing =
                new Drawing(OptionalInt.of(6), Optional.empty(), 4, OptionalLong.empty(), OptionalDouble.of(5));
        Rounds early = new Rounds(drawing, TEN, List.of(ATTENTION, DOWN), new Stopwatch(0));
        Rounds late = new Rounds(drawing, TEN, List.of(ATTENTION, DOWN), new Stopwatch(300));
        assertThat(late.stop()).isEmpty(); // one round is always drawn
        early.add(4, keys(1, 1));
        late.add(4, keys(1, 1));

        assertThat(early.stop()).isEmpty();
        assertThat(late.stop()).contains(Draws.Stop.TIME);
    }

    private static List<Draws.Round> curve(Rounds rounds) {
        return rounds.draws(Draws.Stop.DATA).orElseThrow().rounds();
    }

    private static Drawing converging(double growth, double share, int sequences) {
        return new Drawing(
                OptionalInt.empty(),
                Optional.of(new Convergence(growth, share)),
                sequences,
                OptionalLong.empty(),
                OptionalDouble.empty());
    }

    private static Rounds rounds(Drawing drawing) {
        return new Rounds(drawing, TEN, List.of(ATTENTION, DOWN), new Stopwatch(0));
    }

    private static Statistics keys(float key, float value) {
        return Statistics.of(Map.of(KEY, SiteStatistics.of(key, 8, 0), VALUE, SiteStatistics.of(value, 8, 0)));
    }
}
