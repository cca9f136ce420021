package io.github.steelyard.statistics;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.ModuleInfo.Kind;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.testing.ExpertNames;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class CoverageTest {

    @Test
    void of_starvedAndUnwatchedExperts_areListedInOrder() {
        Coverage coverage = coverage(5, 3, 12, 0);

        assertThat(coverage.experts()).extracting(Coverage.Expert::tokens).containsExactly(3L, 12L, 0L);
        assertThat(coverage.starved()).extracting(Coverage.Expert::expert).containsExactly(0, 2);
        assertThat(coverage.complete()).isFalse();
        assertThat(coverage.spread()).containsExactly(0, 3, 12);
        assertThat(coverage.summary())
                .isEqualTo("2 of 3 experts saw fewer than 5 token(s):"
                        + " model.layers.1.mlp.experts.2 (0), model.layers.1.mlp.experts.0 (3)");
    }

    @Test
    void summary_everyExpertSeen_saysSo() {
        assertThat(coverage(3, 3, 12).complete()).isTrue();
        assertThat(coverage(3, 3, 12).summary()).isEqualTo("all 2 experts saw at least 3 token(s)");
    }

    private static Coverage coverage(long minTokens, long... tokens) {
        TreeMap<Site, SiteStatistics> measured = new TreeMap<>();
        List<ModuleInfo> modules = Stream.iterate(0, expert -> expert < tokens.length, expert -> expert + 1)
                .map("model.layers.1.mlp.experts.%d.down_proj"::formatted)
                .map(name -> new ModuleInfo(name, Kind.LINEAR, 8, 8, 1, List.of())
                        .of(ExpertNames.part(name).orElseThrow()))
                .toList();
        for (ModuleInfo module : modules) {
            long seen = tokens[module.expert().orElseThrow().index()];
            if (seen > 0) {
                measured.put(new Site(module.name(), Role.INPUT), SiteStatistics.of(1, seen, 0));
            }
        }
        return Coverage.of(new Statistics(measured), modules, minTokens);
    }
}
