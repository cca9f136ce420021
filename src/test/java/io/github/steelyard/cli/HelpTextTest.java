package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.console.Console;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

final class HelpTextTest {

    static List<CommandLine> commands() {
        List<CommandLine> all = new ArrayList<>();
        collect(Main.commandLine(new Console(new ByteArrayOutputStream(), new ByteArrayOutputStream(), false)), all);
        return all;
    }

    private static void collect(CommandLine command, List<CommandLine> all) {
        all.add(command);
        command.getSubcommands().values().forEach(each -> collect(each, all));
    }

    @ParameterizedTest
    @MethodSource("commands")
    void help_ofEveryCommand_isNarrowAndBreaksNoWord(CommandLine command) {
        String help = command.getUsageMessage();
        CommandSpec spec = command.getCommandSpec();
        List<String> words = Arrays.asList(help.split("\\s+"));

        assertThat(help.lines()).allMatch(line -> line.length() <= 110);
        for (OptionSpec option : spec.options()) {
            assertThat(words).as(option.longestName()).anyMatch(word -> word.startsWith(option.longestName()));
            for (String line : option.description()) {
                assertThat(words)
                        .containsAll(Arrays.asList(
                                line.replaceAll("\\$\\{[^}]*}\\S*", "").split("\\s+")));
            }
        }
    }

    @Test
    void wrap_longDescription_goesOnBelowIt() {
        String word = "x".repeat(30);

        assertThat(HelpText.wrap("      --a-b=C   %1$s %1$s docs/ODDITIES.md\n".formatted(word)))
                .isEqualTo("      --a-b=C   %1$s %1$s docs/ODDITIES.md\n".formatted(word));
        assertThat(HelpText.wrap("      --a-b=C   %1$s %1$s %1$s docs/ODDITIES.md\n".formatted(word)))
                .isEqualTo("      --a-b=C   %1$s %1$s %1$s\n                docs/ODDITIES.md\n".formatted(word));
    }

    @Test
    void wrap_synopsis_goesOnAfterTheCommandsName() {
        String option = "[--moe-backend.nvfp4=NAME]";

        assertThat(HelpText.wrap("Usage: steelyard plan %1$s %1$s %1$s %1$s\n".formatted(option)))
                .isEqualTo("Usage: steelyard plan %1$s %1$s %1$s\n                      %1$s\n".formatted(option));
    }

    @Test
    void wrap_emptyLines_areKept() {
        assertThat(HelpText.wrap("")).isEmpty();
        assertThat(HelpText.wrap("\na\n")).isEqualTo("\na\n");
        assertThat(HelpText.wrap("Usage: ")).isEqualTo("Usage: ");
    }
}
