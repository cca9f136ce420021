package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The situations of public bug reports that lie in the reference data, `cases/*/case.json`: their commands, run in a
/// copy of their folder, give the exit code and the words expected there and in `cases/expectations.json`, which puts
/// into codes and words what a case only describes.
final class CasesTest {

    private static final int MOST_REMARKS = 25;

    @TempDir
    private Path temp;

    static Stream<String> ids() throws IOException {
        if (!Shared.isPresent()) {
            return Stream.of("absent");
        }
        try (Stream<Path> folders = Files.list(Shared.path("cases"))) {
            return folders
                    .filter(folder -> Files.exists(folder.resolve("case.json")))
                    .map(folder -> folder.getFileName().toString())
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    @ParameterizedTest
    @MethodSource("ids")
    void case_givesWhatItExpects(String id) throws IOException {
        Path shared = Shared.path("cases/" + id);

        assertThat(new CaseRun(shared, temp).faults()).as(id).isEmpty();
    }

    @Test
    void lists_nameCasesThatAreThere() throws IOException {
        Shared.path("cases");
        List<String> known = ids().toList();

        assertThat(known).hasSizeGreaterThan(40);
        Expectations.ids().forEach(id -> assertThat(known).contains(id));
    }

    /// What a case wants beyond its own file: for each command the exit codes allowed and patterns that its output must
    /// and must not have.
    private static final class Expectations {

        private static final JsonNode ALL = Json.read(Path.of("src/test/resources/cases/expectations.json"));

        static List<String> ids() {
            List<String> ids = new ArrayList<>();
            ALL.fieldNames().forEachRemaining(ids::add);
            return ids;
        }

        static void check(String id, int command, CommandRun run, List<String> faults) {
            JsonNode wanted = ALL.path(id).path(command);
            if (wanted.has("exit") && !Set.copyOf(ints(wanted.get("exit"))).contains(run.code())) {
                faults.add("exit %d instead of %s".formatted(run.code(), wanted.get("exit")));
            }
            String output = run.err() + run.out();
            wanted.path("has").forEach(pattern -> {
                if (!Pattern.compile(pattern.textValue()).matcher(output).find()) {
                    faults.add("nothing like '%s'".formatted(pattern.textValue()));
                }
            });
            wanted.path("lacks").forEach(pattern -> {
                if (Pattern.compile(pattern.textValue()).matcher(output).find()) {
                    faults.add("something like '%s'".formatted(pattern.textValue()));
                }
            });
        }

        private static List<Integer> ints(JsonNode array) {
            return Arrays.stream(Json.ints(array)).boxed().toList();
        }
    }

    /// A case copied with the files beside its folder, since commands name `../ids.jsonl`.
    private static final class CaseRun {

        private final JsonNode description;
        private final Path folder;
        private final Path temp;

        CaseRun(Path shared, Path temp) throws IOException {
            this.description = Json.read(shared.resolve("case.json"));
            this.temp = temp;
            Path parent = Files.createDirectory(temp.resolve("cases"));
            copyFiles(shared.toAbsolutePath().normalize().getParent(), parent);
            this.folder =
                    Files.createDirectory(parent.resolve(shared.getFileName().toString()));
            copyFiles(shared, folder);
        }

        List<String> faults() {
            String id = description.get("id").textValue();
            JsonNode expected = description.get("expect");
            List<String> faults = new ArrayList<>();
            StringBuilder output = new StringBuilder();
            for (int i = 0; i < description.get("commands").size(); i++) {
                CommandRun run =
                        CommandRun.of(arguments(description.get("commands").get(i)));
                List<String> found = new ArrayList<>();
                if (expected.has("exit") && run.code() != expected.get("exit").intValue()) {
                    found.add("exit %d instead of %s".formatted(run.code(), expected.get("exit")));
                }
                Expectations.check(id, i, run, found);
                contract(run, found);
                if (!found.isEmpty()) {
                    faults.add(
                            "%s: %s\n%s%s".formatted(description.get("commands").get(i), found, run.err(), run.out()));
                }
                output.append(run.out()).append(run.err());
            }
            for (JsonNode text : expected.path("must_contain")) {
                if (!output.toString().contains(text.textValue())) {
                    faults.add("no command says '%s'".formatted(text.textValue()));
                }
            }
            return faults;
        }

        /// What holds for every command on any input.
        private static void contract(CommandRun run, List<String> faults) {
            if (!Set.of(0, 1, 2, 3, 4).contains(run.code())) {
                faults.add("exit %d".formatted(run.code()));
            }
            if (run.err().contains("\tat ")) {
                faults.add("a stack trace");
            }
            if (run.code() != ExitCode.OK && run.err().contains("calibrate: layer")) {
                faults.add("refused after a pass");
            }
            long remarks = (run.err() + run.out())
                    .lines()
                    .filter(line -> line.startsWith("error:") || line.startsWith("warning:"))
                    .count();
            if (remarks > MOST_REMARKS) {
                faults.add("%d lines of errors and warnings".formatted(remarks));
            }
        }

        /// The words of a command with their paths made absolute: a test cannot change its directory.
        private Object[] arguments(JsonNode words) {
            List<Object> arguments = new ArrayList<>();
            for (JsonNode word : words) {
                String text = word.textValue().replace("{tmp}", temp.toString());
                Path path = folder.resolve(text).normalize();
                boolean command = arguments.isEmpty();
                arguments.add(!command && Files.exists(path) ? path : text);
            }
            return arguments.toArray();
        }

        private static void copyFiles(Path from, Path to) throws IOException {
            try (Stream<Path> files = Files.list(from)) {
                for (Path file : files.filter(Files::isRegularFile).toList()) {
                    Files.write(to.resolve(file.getFileName().toString()), Files.readAllBytes(file));
                }
            }
        }
    }
}
