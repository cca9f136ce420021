package io.github.steelyard.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Model.UsageMessageSpec;

/// Wraps help at spaces alone. The library also breaks at hyphens, slashes and dots, which are inside of the names of
/// options and files here; so it is given lines without end, and these are wrapped afterwards.
final class HelpText {

    private static final int WIDTH = 110; // characters
    private static final int WITHOUT_END = 10_000; // characters
    private static final String USAGE = "Usage: "; // the heading of the synopsis

    // What goes before the description of an option or a command: its name, and at least two spaces.
    private static final Pattern NAME = Pattern.compile("^\\s*\\S.*?\\s{2,}(?=\\S)");
    private static final Pattern INDENT = Pattern.compile("^\\s*");

    private HelpText() {}

    /// Sets a command and all below it to be shown so.
    static void install(CommandLine command) {
        command.setUsageHelpWidth(WITHOUT_END);
        wrapSections(command);
    }

    private static void wrapSections(CommandLine command) {
        command.getHelpSectionMap()
                .replaceAll((key, section) -> key.equals(UsageMessageSpec.SECTION_KEY_SYNOPSIS)
                        ? help -> wrap(USAGE + section.render(help)).substring(USAGE.length())
                        : help -> wrap(section.render(help)));
        command.getSubcommands().values().forEach(HelpText::wrapSections);
    }

    static String wrap(String text) {
        String end = text.endsWith("\n") ? "\n" : "";
        return text.lines().flatMap(line -> wrapped(line).stream()).collect(Collectors.joining("\n")) + end;
    }

    private static List<String> wrapped(String line) {
        List<String> lines = new ArrayList<>();
        String indent = " ".repeat(indent(line));
        String rest = line;
        while (rest.length() > WIDTH) {
            int at = rest.lastIndexOf(' ', WIDTH);
            if (at <= indent.length()) {
                break; // one word that is wider than the page
            }
            lines.add(rest.substring(0, at).stripTrailing());
            rest = indent + rest.substring(at + 1);
        }
        lines.add(rest);
        return lines;
    }

    /// Returns where the lines that go on with `line` begin.
    private static int indent(String line) {
        if (line.startsWith(USAGE)) {
            int options = line.indexOf(" [");
            return options < 0 ? USAGE.length() : options + 1;
        }
        Matcher name = NAME.matcher(line);
        if (name.find()) {
            return name.end();
        }
        Matcher indent = INDENT.matcher(line);
        return indent.find() ? indent.end() : 0;
    }
}
