package io.github.steelyard.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.files.Finding;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class FindingTextTest {

    @Test
    void lines_ofOneKind_areOneLine() {
        List<Finding> findings = new ArrayList<>();
        for (int i = 0; i < 13; i++) {
            findings.add(Finding.warning("decoded", "m." + i, "m.%d: stored as FP8, written as BF16".formatted(i)));
            findings.add(Finding.warning("differs", "n." + i, "n.%d: scale %s, wanted 2".formatted(i, i * 0.5)));
        }
        findings.add(Finding.error("lost", "x", "x: is not there"));

        List<String> lines = FindingText.lines(findings);

        assertThat(lines).hasSize(3);
        assertThat(lines.get(0))
                .startsWith("warning: 13 'm.0', ")
                .endsWith(": stored as FP8, written as BF16")
                .doesNotContain("the first");
        assertThat(lines.get(1))
                .startsWith("warning: 13 'n.0', ")
                .endsWith(": scale 0.0, wanted 2 (the first of them)");
        assertThat(lines.get(2)).isEqualTo("error: x: is not there");
    }
}
