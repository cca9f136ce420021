package io.github.steelyard.recipe;

import io.github.steelyard.files.Printable;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Node.Entry;
import io.github.steelyard.yaml.Node.Mapping;
import io.github.steelyard.yaml.Node.Scalar;
import io.github.steelyard.yaml.Node.ScalarType;
import io.github.steelyard.yaml.Node.Sequence;
import io.github.steelyard.yaml.Position;
import io.github.steelyard.yaml.Values;
import io.github.steelyard.yaml.YamlFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.SequencedMap;
import java.util.regex.Pattern;

/// One value set over what a recipe says, after its imports are filled in: `quantize.algorithm.method=mse`.
///
/// The key is a path of names and, into lists, of numbers from 0 (`quantize.quant_cfg[1].enable`). The value is YAML. A
/// mapping is merged into a mapping that is there, key by key; anything else takes the place of what is there. What is
/// missing on the way is made. An algorithm that is written as its name alone counts as a mapping with `method`.
///
/// @param text as it was given
public record Setting(String text) {

    // No deeper than a file may be: who walks the tree recurs.
    private static final Pattern KEY =
            Pattern.compile("[\\w-]+(?:\\.[\\w-]+|\\[[0-9]{1,6}]){0," + (YamlFile.MAX_DEPTH - 1) + "}");
    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,6}");

    /// @throws IllegalArgumentException if it has no key, or one that is no path
    public Setting {
        int equals = text.indexOf('=');
        if (equals < 0 || !KEY.matcher(text.substring(0, equals)).matches()) {
            throw new IllegalArgumentException(
                    "expected KEY=VALUE with a key such as quantize.algorithm.method, found '%s'"
                            .formatted(Printable.brief(text)));
        }
    }

    /// Returns the tree with all settings applied, in order.
    static Mapping apply(List<Setting> settings, Mapping tree) {
        Mapping result = tree;
        for (Setting setting : settings) {
            result = setting.apply(result);
        }
        if (result.size() > YamlFile.MAX_NODES) {
            throw new RecipeException(
                    result.at(), String.format(Locale.ROOT, "more than %d values", YamlFile.MAX_NODES));
        }
        return result;
    }

    /// Returns the key as it was given.
    String key() {
        return text.substring(0, text.indexOf('='));
    }

    private Mapping apply(Mapping tree) {
        Path name = Path.of("--set " + key());
        Node value = YamlFile.parse(name, text.substring(text.indexOf('=') + 1) + "\n").documents().stream()
                .findFirst()
                .orElse(new Scalar(new Position(name, 1, 1), ScalarType.NULL, ""));
        List<String> steps = List.of(key().replace("]", "").replace('[', '.').split("\\."));
        return (Mapping) put(tree, steps, 0, value, new Position(name, 1, 1));
    }

    private static Node put(Node tree, List<String> steps, int step, Node value, Position at) {
        if (step == steps.size()) {
            return merged(tree, value);
        }
        String name = steps.get(step);
        if (tree instanceof Sequence list) {
            int index = NUMBER.matcher(name).matches() ? Integer.parseInt(name) : -1;
            if (index < 0 || index >= list.items().size()) {
                throw new RecipeException(
                        at,
                        String.format(
                                Locale.ROOT,
                                "%s is a list of %d; '%s' is none of 0 to %d",
                                String.join(".", steps.subList(0, step)),
                                list.items().size(),
                                Printable.brief(name),
                                list.items().size() - 1));
            }
            List<Node> items = new ArrayList<>(list.items());
            items.set(index, put(items.get(index), steps, step + 1, value, at));
            return new Sequence(list.at(), items);
        }
        SequencedMap<String, Entry> entries = entries(tree, steps.subList(0, step));
        Entry there = entries.get(name);
        Node before = there == null ? new Scalar(at, ScalarType.NULL, "") : there.value();
        entries.put(name, new Entry(at, put(before, steps, step + 1, value, at)));
        return new Mapping(tree instanceof Mapping ? tree.at() : at, entries);
    }

    /// Returns the entries of a mapping, of the mapping that a short form stands for, or none: what has no keys makes
    /// way for what has.
    private static SequencedMap<String, Entry> entries(Node tree, List<String> path) {
        SequencedMap<String, Entry> entries = new LinkedHashMap<>();
        if (tree instanceof Mapping mapping) {
            entries.putAll(mapping.entries());
        } else if (!Values.isNull(tree) && isAlgorithm(path)) {
            entries.put("method", new Entry(tree.at(), tree));
        }
        return entries;
    }

    private static boolean isAlgorithm(List<String> path) {
        return path.size() >= 2
                && path.subList(0, 2).equals(List.of("quantize", "algorithm"))
                && path.stream().skip(2).allMatch(name -> NUMBER.matcher(name).matches());
    }

    private static Node merged(Node there, Node value) {
        if (there instanceof Mapping old && value instanceof Mapping given) {
            SequencedMap<String, Entry> entries = new LinkedHashMap<>(old.entries());
            given.entries().forEach((name, entry) -> {
                Entry before = old.entries().get(name);
                entries.put(
                        name, before == null ? entry : new Entry(entry.at(), merged(before.value(), entry.value())));
            });
            return new Mapping(old.at(), entries);
        }
        return value;
    }

    @Override
    public String toString() {
        return text;
    }
}
