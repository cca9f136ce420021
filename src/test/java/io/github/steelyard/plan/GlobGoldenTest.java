package io.github.steelyard.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Against Python's own `fnmatch`; the file is made by `scripts/golden/fnmatch_cases.py`.
final class GlobGoldenTest {

    private static final Path GOLDEN = Path.of("src/test/resources/golden/recipe/fnmatch.tsv");

    @Test
    void matches_everyCase_agreesWithPython() throws IOException {
        List<String> rows = Files.readAllLines(GOLDEN).stream()
                .filter(row -> !row.startsWith("# "))
                .toList();

        assertThat(rows).hasSizeGreaterThan(1500);
        for (String row : rows) {
            String[] cells = row.split("\t", -1);
            assertThat(Glob.of(cells[0]).matches(cells[1]))
                    .as("pattern '%s' on '%s'", cells[0], cells[1])
                    .isEqualTo(cells[2].equals("1"));
        }
    }
}
