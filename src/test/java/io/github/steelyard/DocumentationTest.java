package io.github.steelyard;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Holds what the documents and the code say about each other: links, source keys, headings, README commands.
final class DocumentationTest {

    private static final Pattern LINK = Pattern.compile("\\[[^]]*]\\(([^)#]+)(?:#[^)]*)?\\)");
    private static final Pattern KEY_ROW = Pattern.compile("^\\| ([A-Z0-9-]+) \\|", Pattern.MULTILINE);
    private static final Pattern SOURCE_KEY = Pattern.compile("Source: ([A-Z][A-Z0-9-]+)\\b");
    private static final Pattern HEADING_QUOTED = Pattern.compile("`docs/(\\w+\\.md)`, \"([^\"]+)\"");
    private static final Pattern SHELL_BLOCK = Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL);
    private static final Pattern PROJECT_PATH =
            Pattern.compile("^(?:\\./)?((?:scripts|configs|calibration-data|docs|src|\\.ci)/\\S+)$");

    @Test
    void links_leadToFiles() throws IOException {
        List<String> dead = new ArrayList<>();
        for (Path document : documents()) {
            for (MatchResult link :
                    LINK.matcher(Files.readString(document)).results().toList()) {
                String target = link.group(1);
                if (!target.contains("://") && !Files.exists(document.resolveSibling(target))) {
                    dead.add(document + " -> " + target);
                }
            }
        }
        assertThat(dead).as("links that lead nowhere").isEmpty();
    }

    @Test
    void sourceKeys_areListed() throws IOException {
        Set<String> listed = KEY_ROW.matcher(Files.readString(Path.of("docs/SOURCES.md")))
                .results()
                .map(key -> key.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
        assertThat(listed).contains("SAFETENSORS", "MODELOPT");

        Set<String> used = new TreeSet<>();
        for (Path source : files("src", ".java")) {
            SOURCE_KEY.matcher(Files.readString(source)).results().forEach(key -> used.add(key.group(1)));
        }
        assertThat(listed).containsAll(used);
        assertThat(used).isNotEmpty();
    }

    @Test
    void headings_thatTheCodeNames_exist() throws IOException {
        for (Path source : files("src/main", ".java")) {
            for (MatchResult quoted :
                    HEADING_QUOTED.matcher(Files.readString(source)).results().toList()) {
                assertThat(Files.readAllLines(Path.of("docs", quoted.group(1))))
                        .as("heading that %s names", source)
                        .anyMatch(line -> line.matches("#+ " + Pattern.quote(quoted.group(2))));
            }
        }
    }

    @Test
    void readmeCommands_nameFilesThatExist() throws IOException {
        String readme = Files.readString(Path.of("README.md"));
        List<String> named = SHELL_BLOCK
                .matcher(readme)
                .results()
                .flatMap(block -> Stream.of(block.group(1).split("\\s+", -1)))
                .flatMap(word -> PROJECT_PATH.matcher(word).results())
                .map(path -> path.group(1))
                .toList();

        assertThat(named)
                .contains("scripts/steelyard")
                .allSatisfy(path -> assertThat(Path.of(path)).exists());
        assertThat(readme).contains("mvn verify");
    }

    private static List<Path> documents() throws IOException {
        List<Path> documents = new ArrayList<>(files("docs", ".md"));
        documents.addAll(files("src/main/resources", ".md"));
        documents.addAll(files("calibration-data", ".md"));
        documents.addAll(files("configs", ".md"));
        documents.add(Path.of("README.md"));
        return documents;
    }

    private static List<Path> files(String directory, String ending) throws IOException {
        try (Stream<Path> files = Files.walk(Path.of(directory))) {
            return files.filter(file -> file.toString().endsWith(ending)).toList();
        }
    }
}
