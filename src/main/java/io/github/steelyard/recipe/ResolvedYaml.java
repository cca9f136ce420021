package io.github.steelyard.recipe;

import io.github.steelyard.quant.NumBits;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Node.Entry;
import io.github.steelyard.yaml.Node.Mapping;
import io.github.steelyard.yaml.Node.Scalar;
import io.github.steelyard.yaml.Node.ScalarType;
import io.github.steelyard.yaml.Node.Sequence;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// A resolved recipe as YAML for people: what fits on a line stands on one, keys come in the order in which recipes are
/// usually written. It reads as the same recipe.
final class ResolvedYaml {

    private static final int WIDTH = 110; // characters

    /// Keys that come before all others, in this order.
    private static final List<String> FIRST = List.of(
            "metadata",
            "quantize",
            "calibration",
            "data",
            "export",
            "recipe_type",
            "description",
            "algorithm",
            "method",
            "quant_cfg",
            "quantizer_name",
            "parent_class",
            "num_bits",
            "axis",
            "block_sizes",
            "constant_amax");

    private static final Comparator<String> ORDER = Comparator.<String>comparingInt(
                    key -> FIRST.contains(key) ? FIRST.indexOf(key) : FIRST.size())
            .thenComparing(Comparator.naturalOrder());

    private static final Pattern PLAIN = Pattern.compile("[A-Za-z_][A-Za-z0-9_./-]*");
    private static final Pattern AXIS = Pattern.compile("-?[0-9]{1,2}");
    private static final Set<String> WORDS =
            Set.of("null", "true", "false", "yes", "no", "on", "off", "y", "n", "e", "inf", "nan");

    private final StringBuilder yaml = new StringBuilder();

    private ResolvedYaml() {}

    static String of(Node recipe) {
        ResolvedYaml writer = new ResolvedYaml();
        writer.block(recipe, 0);
        return writer.yaml.toString();
    }

    /// Writes a mapping or list on lines of its own, or what else it is on one.
    private void block(Node node, int indent) {
        switch (node) {
            case Scalar scalar -> line(indent, text(scalar));
            case Sequence list -> {
                for (Node item : list.items()) {
                    item(item, indent);
                }
            }
            case Mapping mapping -> sorted(mapping).forEach(entry -> entry(entry, indent));
        }
    }

    private void item(Node item, int indent) {
        String flow = flow("", item);
        if (item instanceof Scalar || indent + flow.length() + 2 <= WIDTH) {
            line(indent, "- " + flow);
            return;
        }
        int start = yaml.length();
        block(item, indent + 2);
        yaml.replace(start + indent, start + indent + 2, "- ");
    }

    private void entry(Map.Entry<String, Node> entry, int indent) {
        String key = key(entry.getKey()) + ":";
        String flow = flow(entry.getKey(), entry.getValue());
        boolean section = indent == 0 || entry.getKey().equals("quant_cfg");
        boolean fits = indent + key.length() + 1 + flow.length() <= WIDTH && !section;
        if (entry.getValue() instanceof Scalar || fits) {
            line(indent, key + " " + flow);
        } else {
            line(indent, key);
            block(entry.getValue(), indent + 2);
        }
    }

    private void line(int indent, String text) {
        yaml.append(" ".repeat(indent)).append(text).append('\n');
    }

    private static String flow(String key, Node node) {
        return switch (node) {
            case Scalar scalar -> text(scalar);
            case Sequence list -> {
                String code = ResolvedJson.CODES.contains(key) ? code(list) : "";
                yield code.isEmpty()
                        ? list.items().stream().map(item -> flow("", item)).collect(Collectors.joining(", ", "[", "]"))
                        : code;
            }
            case Mapping mapping ->
                sorted(mapping).stream()
                        .map(entry -> key(entry.getKey()) + ": " + flow(entry.getKey(), entry.getValue()))
                        .collect(Collectors.joining(", ", "{", "}"));
        };
    }

    /// Returns the name of a code that is written as its exponent's and mantissa's bits, else nothing.
    private static String code(Sequence pair) {
        return pair.items().size() == 2
                ? NumBits.floating("e%sm%s"
                                .formatted(pair.items().getFirst(), pair.items().getLast()))
                        .map(NumBits::toString)
                        .orElse("")
                : "";
    }

    private static List<Map.Entry<String, Node>> sorted(Mapping mapping) {
        List<Map.Entry<String, Node>> entries = new ArrayList<>();
        for (Map.Entry<String, Entry> entry : mapping.entries().entrySet()) {
            entries.add(Map.entry(entry.getKey(), entry.getValue().value()));
        }
        entries.sort(Map.Entry.comparingByKey(ORDER));
        return entries;
    }

    private static String text(Scalar scalar) {
        return scalar.type() == ScalarType.TEXT ? quoted(scalar.text()) : scalar.toString();
    }

    private static String key(String text) {
        return AXIS.matcher(text).matches() ? text : quoted(text);
    }

    private static String quoted(String text) {
        boolean plain = PLAIN.matcher(text).matches() && !WORDS.contains(text.toLowerCase(Locale.ROOT));
        boolean printable = text.chars().allMatch(c -> c >= ' ' && c < 0x7f);
        return plain ? text : printable ? "'" + text.replace("'", "''") + "'" : ResolvedJson.quoted(text);
    }
}
