package io.github.steelyard;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The formatter cuts a `///` line that is too long and continues it with `//`, which drops the tail from the Javadoc
/// without a word. So a `//` line must never follow a `///` line.
final class JavadocContinuationTest {

    @Test
    void sources_haveNoCutJavadocLine() throws IOException {
        List<String> cuts = new ArrayList<>();
        List<Path> sources;
        try (Stream<Path> files = Files.walk(Path.of("src"))) {
            sources = files.filter(file -> file.toString().endsWith(".java")).toList();
        }
        for (Path source : sources) {
            cutLines(Files.readAllLines(source)).forEach(line -> cuts.add(source + ":" + line));
        }
        assertThat(sources).hasSizeGreaterThan(200);
        assertThat(cuts).as("lines that the formatter cut out of a Javadoc").isEmpty();
    }

    @Test
    void cutLines_continuedByTwoSlashes_areFound() {
        assertThat(cutLines(List.of("    /// A long", "    // tail.", "    int x;")))
                .containsExactly(2);
        assertThat(cutLines(List.of("    /// Whole.", "    int x;", "    // why")))
                .isEmpty();
        assertThat(cutLines(List.of("// why", "/// Whole.", "///", "/// More.")))
                .isEmpty();
    }

    // Numbers of the lines, from 1, that begin with two slashes right after a line that begins with three.
    private static List<Integer> cutLines(List<String> lines) {
        List<Integer> cuts = new ArrayList<>();
        for (int i = 1; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (line.startsWith("//")
                    && !line.startsWith("///")
                    && lines.get(i - 1).strip().startsWith("///")) {
                cuts.add(i + 1);
            }
        }
        return cuts;
    }
}
