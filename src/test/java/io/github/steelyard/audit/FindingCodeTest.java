package io.github.steelyard.audit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

final class FindingCodeTest {

    private static final Pattern ROW =
            Pattern.compile("^\\| `([a-z-]+)` \\| (\\w+) \\| (\\w+) \\| ([^|]+) \\| ([^|]+) \\|$", Pattern.MULTILINE);

    @Test
    void codes_areThoseOfTheDocument() throws IOException {
        List<String> documented = ROW.matcher(Files.readString(Path.of("docs/FINDINGS.md")))
                .results()
                .map(row -> String.join(" | ", row.group(1), row.group(2), row.group(3), row.group(4)))
                .toList();
        List<String> known = Arrays.stream(FindingCode.values())
                .map(code -> String.join(" | ", code.text(), level(code, false), level(code, true), code.meaning()))
                .toList();

        assertThat(documented).containsExactlyElementsOf(known);
    }

    @Test
    void names_areTheCodesInCapitals() {
        for (FindingCode code : FindingCode.values()) {
            assertThat(code.text())
                    .isEqualTo(code.name().toLowerCase(Locale.ROOT).replace('_', '-'));
        }
    }

    private static String level(FindingCode code, boolean export) {
        return code.level(export).name().toLowerCase(Locale.ROOT);
    }
}
