package io.github.steelyard.catalogue;

import io.github.steelyard.yaml.Fields;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Values;
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

    private final Map<String, Condition> named = new HashMap<>();
    private final Set<String> variables = new TreeSet<>();

    void define(String path, String name, Node node) {
        named.put(name, read(path, node));
    }

    /// Notes an environment variable that the catalogue reads.
    void readsVariable(String name) {
        variables.add(name);
    }

    /// Returns every environment variable that the catalogue reads.
    Set<String> variables() {
        return variables;
    }

    Condition optional(Fields fields, String key) {
        return fields.node(key).map(node -> read(fields.path(key), node)).orElse(Condition.ALWAYS);
    }

    Condition required(Fields fields, String key) {
        return read(fields.path(key), fields.required(key));
    }

    /// @param path of the node for messages
    private Condition read(String path, Node node) {
        if (node instanceof Node.Scalar name) {
            Condition condition = named.get(name.text());
            if (condition == null) {
                throw fault(
                        node,
                        "condition '%s' is not defined; expected one of %s"
                                .formatted(name.text(), new TreeSet<>(named.keySet())));
            }
            return condition;
        }
        List<Condition> all = new ArrayList<>();
        Fields fields = Fields.of(path, node);
        fields.entries().forEach((word, value) -> all.add(word(fields.path(word), word, value)));
        return all.size() == 1 ? all.getFirst() : new Condition.All(List.copyOf(all));
    }

    private Condition word(String path, String word, Node value) {
        return switch (word) {
            case "any-of" -> new Condition.AnyOf(all(path, value));
            case "all-of" -> new Condition.All(all(path, value));
            case "not" -> new Condition.Not(read(path, value));
            case "libraries" -> new Condition.Libraries(new LinkedHashSet<>(Values.words(path, value)));
            case "environment" -> environment(path, value);
            case "capability" -> within(Fact.Counted.CAPABILITY, number(path, value), number(path, value));
            case "capability-min" -> within(Fact.Counted.CAPABILITY, number(path, value), ANY_HIGH);
            case "capability-below" -> within(Fact.Counted.CAPABILITY, ANY_LOW, number(path, value) - 1);
            case "capability-family" -> new Condition.Family(number(path, value));
            case "dp-min" -> within(Fact.Counted.DP, number(path, value), ANY_HIGH);
            case "dp-max" -> within(Fact.Counted.DP, ANY_LOW, number(path, value));
            case "ep-min" -> within(Fact.Counted.EP, number(path, value), ANY_HIGH);
            case "ep-max" -> within(Fact.Counted.EP, ANY_LOW, number(path, value));
            case "experts-max" -> within(Fact.Counted.EXPERTS, ANY_LOW, number(path, value));
            case "padded-experts-below" -> within(Fact.Counted.PADDED_EXPERTS, ANY_LOW, number(path, value) - 1);
            case "hidden-multiple" -> new Condition.MultipleOf(Fact.Counted.HIDDEN, divisor(path, value));
            case "intermediate-multiple" -> new Condition.MultipleOf(Fact.Counted.INTERMEDIATE, divisor(path, value));
            case "intermediate-multiple-of-group" -> new Condition.MultipleOfGroup(divisor(path, value));
            case "group-size" -> new Condition.NumberIn(Fact.Counted.GROUP_SIZE, numbers(path, value));
            case "swiglu-alpha" -> new Condition.SwigluConstant(true, Values.number(path, value));
            case "swiglu-beta" -> new Condition.SwigluConstant(false, Values.number(path, value));
            default -> fact(path, word, value);
        };
    }

    private static Condition fact(String path, String word, Node value) {
        return Fact.Named.of(word)
                .<Condition>map(fact -> new Condition.NameIn(fact, Values.words(path, value)))
                .or(() -> Fact.Held.of(word).map(fact -> new Condition.Is(fact, Values.flag(path, value))))
                .orElseThrow(() -> fault(value, "unknown word '%s' in a condition".formatted(word)));
    }

    private List<Condition> all(String path, Node value) {
        return Values.items(path, value).stream().map(item -> read(path, item)).toList();
    }

    private Condition environment(String path, Node value) {
        List<Condition> all = new ArrayList<>();
        Fields fields = Fields.of(path, value);
        fields.entries().keySet().forEach(name -> {
            readsVariable(name);
            all.add(new Condition.Environment(name, fields.words(name)));
        });
        return new Condition.All(List.copyOf(all));
    }

    private static Condition within(Fact.Counted fact, int low, int high) {
        return new Condition.Within(fact, low, high);
    }

    private static int number(String path, Node value) {
        return (int) Values.integer(path, value, ANY_LOW, ANY_HIGH);
    }

    private static int divisor(String path, Node value) {
        int number = number(path, value);
        if (number < 1) {
            throw fault(value, String.format(Locale.ROOT, "expected a positive divisor, found %d", number));
        }
        return number;
    }

    private static Set<Integer> numbers(String path, Node value) {
        return Values.items(path, value).stream()
                .map(item -> number(path, item))
                .collect(Collectors.toUnmodifiableSet());
    }

    private static CatalogueException fault(Node node, String message) {
        return new CatalogueException(node.at(), message);
    }
}
