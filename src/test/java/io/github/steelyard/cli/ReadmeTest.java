package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.console.Console;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/// Every `scripts/steelyard` command of the README and the documents is one that the program understands. They are not
/// run here.
final class ReadmeTest {

    private static final Pattern SHELL_BLOCK = Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL);
    private static final String LAUNCHER = "scripts/steelyard";

    static List<String> commands() throws IOException {
        List<Path> documents = new ArrayList<>(List.of(Path.of("README.md")));
        try (Stream<Path> files = Files.walk(Path.of("docs"))) {
            files.filter(file -> file.toString().endsWith(".md")).forEach(documents::add);
        }
        List<String> commands = new ArrayList<>();
        for (Path document : documents) {
            SHELL_BLOCK
                    .matcher(Files.readString(document))
                    .results()
                    .flatMap(block -> block.group(1).replace("\\\n", " ").lines())
                    .filter(line -> line.startsWith(LAUNCHER))
                    .forEach(commands::add);
        }
        return commands;
    }

    @ParameterizedTest
    @MethodSource("commands")
    void command_ofTheDocuments_isUnderstood(String command) {
        assertThat(problems(command)).isEmpty();
    }

    @Test
    void problems_unknownWords_areFound() {
        assertThat(problems(LAUNCHER + " no-such-command DIR"))
                .containsExactly("steelyard has no command no-such-command");
        assertThat(problems(LAUNCHER + " evaluate DIR --data f.jsonl --no-such-option 3"))
                .containsExactly("evaluate has no option --no-such-option");
        assertThat(problems(LAUNCHER + " --help")).isEmpty();
    }

    private static List<String> problems(String line) {
        List<String> words = Arrays.asList(line.substring(LAUNCHER.length())
                .replaceAll("\\s#.*", "")
                .strip()
                .split("\\s+", -1));
        CommandLine command = Main.commandLine(Console.system());
        for (String name : words) {
            if (command.getSubcommands().isEmpty() || name.startsWith("-")) {
                break;
            }
            CommandLine subcommand = command.getSubcommands().get(name);
            if (subcommand == null) {
                return List.of("%s has no command %s".formatted(command.getCommandName(), name));
            }
            command = subcommand;
        }
        CommandSpec spec = command.getCommandSpec();
        List<String> problems = new ArrayList<>();
        for (String word : words) {
            String option = word.replaceAll("=.*", "");
            if (option.startsWith("-") && spec.findOption(option) == null) {
                problems.add("%s has no option %s".formatted(spec.name(), option));
            }
        }
        return problems;
    }
}
