package io.github.steelyard.template;

import io.github.steelyard.jinja.TemplateException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;

/// The methods of Python's values that change nothing.
final class Methods {

    private static final Set<String> OF_TEXT = Set.of(
            "strip",
            "lstrip",
            "rstrip",
            "split",
            "rsplit",
            "splitlines",
            "startswith",
            "endswith",
            "replace",
            "upper",
            "lower",
            "title",
            "capitalize",
            "join",
            "find",
            "rfind",
            "index",
            "count",
            "isdigit",
            "isalpha",
            "isalnum",
            "isspace",
            "isupper",
            "islower",
            "removeprefix",
            "removesuffix",
            "partition",
            "rpartition",
            "zfill",
            "ljust",
            "rjust",
            "format");
    private static final Set<String> OF_MAPPING = Set.of("keys", "values", "items", "get");
    private static final Set<String> OF_LIST = Set.of("index", "count");

    /// What Python has and this has not, or what would change a value.
    private static final Set<String> REFUSED = Set.of(
            "append",
            "extend",
            "insert",
            "remove",
            "pop",
            "popitem",
            "clear",
            "update",
            "setdefault",
            "sort",
            "reverse",
            "copy",
            "fromkeys",
            "encode",
            "casefold",
            "swapcase",
            "expandtabs",
            "translate",
            "maketrans",
            "format_map",
            "center",
            "isnumeric",
            "isdecimal",
            "istitle",
            "isidentifier",
            "isprintable",
            "isascii",
            "rindex");

    private final Budget budget;
    private final Comparison comparison;

    Methods(Budget budget) {
        this.budget = budget;
        comparison = new Comparison(budget);
    }

    /// Returns whether a value of this kind has the method.
    boolean has(Object of, String name) {
        Set<String> methods = switch (of) {
            case String text -> OF_TEXT;
            case Map<?, ?> map -> OF_MAPPING;
            case List<?> list -> OF_LIST;
            case Tuple tuple -> OF_LIST;
            default -> Set.of();
        };
        boolean refused = REFUSED.contains(name)
                && (of instanceof String
                        || of instanceof List<?>
                        || (of instanceof Map<?, ?> map && !map.containsKey(name)));
        if (!methods.contains(name) && refused) {
            throw new TemplateException("method '%s' of '%s' is not done here".formatted(name, Values.kind(of)));
        }
        return methods.contains(name);
    }

    Object call(Object of, String name, List<Object> positional, Map<String, Object> named) {
        Parameters given = new Parameters(name, positional, named);
        return switch (of) {
            case String text -> ofText(text, name, given);
            case Map<?, ?> map -> ofMapping(map, name, given);
            default -> ofItems(Values.items(of), name, given.of("value"));
        };
    }

    private Object ofItems(List<Object> items, String name, Parameters given) {
        budget.spend(items.size());
        Object wanted = given.required(0, "value");
        if (name.equals("count")) {
            return items.stream().filter(item -> comparison.equal(item, wanted)).count();
        }
        for (int i = 0; i < items.size(); i++) {
            if (comparison.equal(items.get(i), wanted)) {
                return (long) i;
            }
        }
        throw new TemplateException("index: no such item");
    }

    private Object ofMapping(Map<?, ?> map, String name, Parameters given) {
        budget.spend(map.size());
        return switch (name) {
            case "get" -> {
                Object value = map.get(Values.key(given.of("key", "default").required(0, "key")));
                yield value != null ? value : given.get(1, "default");
            }
            case "keys" -> Values.items(map);
            case "values" -> List.copyOf(map.values());
            default -> pairs(map);
        };
    }

    static List<Object> pairs(Map<?, ?> map) {
        List<Object> pairs = new ArrayList<>();
        map.forEach((key, value) -> pairs.add(new Tuple(List.of(key, value))));
        return pairs;
    }

    private Object ofText(String text, String name, Parameters given) {
        budget.text(text.length());
        return switch (name) {
            case "strip" -> Strings.strip(text, given.of("chars").get(0, "chars"), true, true);
            case "lstrip" -> Strings.strip(text, given.of("chars").get(0, "chars"), true, false);
            case "rstrip" -> Strings.strip(text, given.of("chars").get(0, "chars"), false, true);
            case "split", "rsplit" -> {
                given.of("sep", "maxsplit");
                yield Strings.split(
                        budget, text, given.get(0, "sep"), given.integer(1, "maxsplit", -1), name.equals("rsplit"));
            }
            case "splitlines" ->
                Strings.lines(budget, text, given.of("keepends").flag(0, "keepends", false));
            case "startswith", "endswith" ->
                affix(text, name, given.of("prefix").required(0, "prefix"));
            case "replace" -> {
                given.of("old", "new", "count");
                yield Strings.replace(
                        budget, text, given.text(0, "old"), given.text(1, "new"), given.integer(2, "count", -1));
            }
            case "upper" -> text.toUpperCase(Locale.ROOT);
            case "lower" -> text.toLowerCase(Locale.ROOT);
            case "title" -> Strings.title(text);
            case "capitalize" -> Strings.capitalize(text);
            case "join" -> joined(text, Values.items(given.of("iterable").required(0, "iterable")));
            case "find" -> found(text, text.indexOf(given.of("sub").text(0, "sub")));
            case "rfind" -> found(text, text.lastIndexOf(given.of("sub").text(0, "sub")));
            case "index" -> {
                int at = text.indexOf(given.of("sub").text(0, "sub"));
                if (at < 0) {
                    throw new TemplateException("index: substring not found");
                }
                yield found(text, at);
            }
            case "count" ->
                (long) Strings.split(budget, text, given.of("sub").required(0, "sub"), -1, false)
                                .size()
                        - 1;
            case "isdigit" -> all(text, Character::isDigit);
            case "isalpha" -> all(text, Character::isLetter);
            case "isalnum" -> all(text, Character::isLetterOrDigit);
            case "isspace" -> all(text, Strings::isSpace);
            case "isupper" -> text.equals(text.toUpperCase(Locale.ROOT)) && !text.equals(text.toLowerCase(Locale.ROOT));
            case "islower" -> text.equals(text.toLowerCase(Locale.ROOT)) && !text.equals(text.toUpperCase(Locale.ROOT));
            case "removeprefix" -> {
                String prefix = given.of("prefix").text(0, "prefix");
                yield text.startsWith(prefix) ? text.substring(prefix.length()) : text;
            }
            case "removesuffix" -> {
                String suffix = given.of("suffix").text(0, "suffix");
                yield text.endsWith(suffix) ? text.substring(0, text.length() - suffix.length()) : text;
            }
            case "partition", "rpartition" -> partition(text, given.of("sep").text(0, "sep"), name.equals("partition"));
            case "zfill" -> {
                String sign = text.startsWith("-") || text.startsWith("+") ? text.substring(0, 1) : "";
                yield sign
                        + padding(text, given.of("width").integer(0, "width", 0), "0")
                        + text.substring(sign.length());
            }
            case "ljust" -> text + padding(text, given.of("width").integer(0, "width", 0), " ");
            case "rjust" -> padding(text, given.of("width").integer(0, "width", 0), " ") + text;
            default -> new Formatting(new Printing(budget)).format(text, given);
        };
    }

    private String padding(String text, long width, String with) {
        return Strings.repeat(budget, with, width - Values.length(text));
    }

    private static Object affix(String text, String name, Object affixes) {
        List<Object> all = affixes instanceof Tuple tuple ? tuple.items() : List.of(affixes);
        boolean start = name.equals("startswith");
        return all.stream()
                .map(affix -> Values.text(affix, name))
                .anyMatch(affix -> start ? text.startsWith(affix) : text.endsWith(affix));
    }

    private String joined(String with, List<Object> items) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < items.size(); i++) {
            out.append(i > 0 ? with : "").append(Values.text(items.get(i), "join"));
            budget.text(with.length());
            if (out.length() > Budget.MOST_CHARACTERS) {
                budget.text(out.length());
            }
        }
        return out.toString();
    }

    private static Object found(String text, int at) {
        return at < 0 ? -1L : (long) text.codePointCount(0, at);
    }

    private static Object all(String text, IntPredicate kind) {
        return !text.isEmpty() && text.codePoints().allMatch(kind);
    }

    private static Object partition(String text, String by, boolean first) {
        int at = first ? text.indexOf(by) : text.lastIndexOf(by);
        if (at < 0) {
            return new Tuple(first ? List.of(text, "", "") : List.of("", "", text));
        }
        return new Tuple(List.of(text.substring(0, at), by, text.substring(at + by.length())));
    }
}
