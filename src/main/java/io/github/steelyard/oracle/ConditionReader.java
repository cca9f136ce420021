package io.github.steelyard.oracle;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// Reads [Condition]s: a mapping of words, all of which must hold, or the name of a condition defined before.
final class ConditionReader {

    private static final int ANY_LOW = Integer.MIN_VALUE;
    private static final int ANY_HIGH = Integer.MAX_VALUE;

    private final String file;
    private final Map<String, Condition> named = new HashMap<>();
    private final Set<String> variables = new TreeSet<>();

    ConditionReader(String file) {
        this.file = file;
    }

    void define(String name, YamlNode node) {
        named.put(name, read(node));
    }

    /// Notes an environment variable that the catalogue reads.
    void readsVariable(String name) {
        variables.add(name);
    }

    /// Returns every environment variable that the catalogue reads.
    Set<String> variables() {
        return variables;
    }

    Condition optional(YamlFields fields, String key) {
        return fields.find(key).map(this::read).orElse(Condition.ALWAYS);
    }

    Condition read(YamlNode node) {
        if (node instanceof YamlNode.Text text) {
            Condition condition = named.get(text.value());
            if (condition == null) {
                throw fault(
                        node,
                        "condition '%s' is not defined; expected one of %s"
                                .formatted(text.value(), new TreeSet<>(named.keySet())));
            }
            return condition;
        }
        List<Condition> all = new ArrayList<>();
        YamlFields.of(file, node).entries().forEach((word, value) -> all.add(word(word, value)));
        return all.size() == 1 ? all.getFirst() : new Condition.All(List.copyOf(all));
    }

    private Condition word(String word, YamlNode value) {
        return switch (word) {
            case "any-of" ->
                new Condition.AnyOf(items(value).stream().map(this::read).toList());
            case "all-of" ->
                new Condition.All(items(value).stream().map(this::read).toList());
            case "not" -> new Condition.Not(read(value));
            case "libraries" -> new Condition.Libraries(new LinkedHashSet<>(YamlFields.textsOf(file, value)));
            case "environment" -> environment(value);
            case "capability" -> within(Fact.Counted.CAPABILITY, number(value), number(value));
            case "capability-min" -> within(Fact.Counted.CAPABILITY, number(value), ANY_HIGH);
            case "capability-below" -> within(Fact.Counted.CAPABILITY, ANY_LOW, number(value) - 1);
            case "capability-family" -> new Condition.Family(number(value));
            case "dp-min" -> within(Fact.Counted.DP, number(value), ANY_HIGH);
            case "dp-max" -> within(Fact.Counted.DP, ANY_LOW, number(value));
            case "ep-min" -> within(Fact.Counted.EP, number(value), ANY_HIGH);
            case "ep-max" -> within(Fact.Counted.EP, ANY_LOW, number(value));
            case "experts-max" -> within(Fact.Counted.EXPERTS, ANY_LOW, number(value));
            case "padded-experts-below" -> within(Fact.Counted.PADDED_EXPERTS, ANY_LOW, number(value) - 1);
            case "hidden-multiple" -> new Condition.MultipleOf(Fact.Counted.HIDDEN, divisor(value));
            case "intermediate-multiple" -> new Condition.MultipleOf(Fact.Counted.INTERMEDIATE, divisor(value));
            case "intermediate-multiple-of-group" -> new Condition.MultipleOfGroup(divisor(value));
            case "group-size" -> new Condition.NumberIn(Fact.Counted.GROUP_SIZE, numbers(value));
            case "swiglu-alpha" -> new Condition.SwigluConstant(true, decimal(value));
            case "swiglu-beta" -> new Condition.SwigluConstant(false, decimal(value));
            default -> fact(word, value);
        };
    }

    private Condition fact(String word, YamlNode value) {
        return Fact.Named.of(word)
                .<Condition>map(fact -> new Condition.NameIn(fact, YamlFields.textsOf(file, value)))
                .or(() -> Fact.Held.of(word).map(fact -> new Condition.Is(fact, YamlFields.flagOf(file, value))))
                .orElseThrow(() -> fault(value, "unknown word '%s' in a condition".formatted(word)));
    }

    private Condition environment(YamlNode value) {
        List<Condition> all = new ArrayList<>();
        YamlFields.of(file, value).entries().forEach((name, values) -> {
            readsVariable(name);
            all.add(new Condition.Environment(name, YamlFields.textsOf(file, values)));
        });
        return new Condition.All(List.copyOf(all));
    }

    private static Condition within(Fact.Counted fact, int low, int high) {
        return new Condition.Within(fact, low, high);
    }

    private int number(YamlNode value) {
        return YamlFields.integerOf(file, value);
    }

    private int divisor(YamlNode value) {
        int number = number(value);
        if (number < 1) {
            throw fault(value, String.format(Locale.ROOT, "expected a positive divisor, found %d", number));
        }
        return number;
    }

    private Set<Integer> numbers(YamlNode value) {
        return items(value).stream().map(this::number).collect(Collectors.toUnmodifiableSet());
    }

    private double decimal(YamlNode value) {
        String text = YamlFields.textOf(file, value);
        try {
            return Double.parseDouble(text);
        } catch (NumberFormatException e) {
            throw fault(value, "expected a number, found '%s'".formatted(text));
        }
    }

    private List<YamlNode> items(YamlNode value) {
        if (value instanceof YamlNode.Items items) {
            return items.values();
        }
        throw fault(value, "expected a list, found " + value.kind());
    }

    private CatalogueException fault(YamlNode node, String message) {
        return new CatalogueException(file, node.line(), message);
    }
}
