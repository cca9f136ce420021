package io.github.steelyard.template;

import io.github.steelyard.jinja.Names;
import io.github.steelyard.jinja.TemplateException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;

/// Filters of lists and mappings.
final class SequenceFilters {

    private final Interpreter machine;
    private final Filters filters;
    private final Budget budget;
    private final Printing printing;

    SequenceFilters(Interpreter machine, Filters filters, Budget budget) {
        this.machine = machine;
        this.filters = filters;
        this.budget = budget;
        printing = new Printing(budget);
    }

    Object apply(String name, Object value, Parameters given) {
        if (name.equals("items") || name.equals("dictsort")) {
            return pairs(name, value, given);
        }
        List<Object> items = Values.items(value);
        budget.spend(items.size());
        return switch (name) {
            case "first" -> items.isEmpty() ? new Undefined("the first of no items") : items.getFirst();
            case "last" -> items.isEmpty() ? new Undefined("the last of no items") : items.getLast();
            case "list" -> items;
            case "join" -> joined(items, given.of("d", "attribute"));
            case "reverse" -> reversed(value, items);
            case "sort" -> sorted(items, given.of("reverse", "case_sensitive", "attribute"));
            case "unique" -> unique(items, given.of("case_sensitive", "attribute"));
            case "map" -> mapped(items, given);
            case "select", "reject" -> chosen(items, given, name.equals("select"), false);
            case "selectattr", "rejectattr" -> chosen(items, given, name.equals("selectattr"), true);
            case "sum" -> summed(items, given.of("attribute", "start"));
            case "min", "max" -> extreme(items, name, given.of("case_sensitive", "attribute"));
            default -> batches(items, given.of("linecount", "fill_with"));
        };
    }

    private static Object reversed(Object value, List<Object> items) {
        if (value instanceof String) {
            StringBuilder text = new StringBuilder();
            items.reversed().forEach(text::append);
            return text.toString();
        }
        return List.copyOf(items.reversed());
    }

    private Object pairs(String name, Object value, Parameters given) {
        if (value instanceof Undefined && name.equals("items")) {
            return List.of();
        }
        if (!(value instanceof Map<?, ?> map)) {
            throw new TemplateException("%s: expected a mapping, found '%s'".formatted(name, Values.kind(value)));
        }
        budget.spend(map.size());
        List<Object> pairs = Methods.pairs(map);
        if (name.equals("items")) {
            return pairs;
        }
        given.of("case_sensitive", "by", "reverse");
        boolean exact = given.flag(0, "case_sensitive", false);
        int place = given.get(1, "by", "key").equals("value") ? 1 : 0;
        return ordered(
                pairs, pair -> folded(((Tuple) pair).items().get(place), exact), given.flag(2, "reverse", false));
    }

    private Object joined(List<Object> items, Parameters given) {
        StringBuilder out = new StringBuilder();
        String with = printing.str(given.get(0, "d", ""));
        for (int i = 0; i < items.size(); i++) {
            String text = printing.str(key(items.get(i), given.get(1, "attribute"), true));
            budget.text((long) with.length() + text.length());
            out.append(i > 0 ? with : "").append(text);
            if (out.length() > Budget.MOST_CHARACTERS) {
                budget.text(out.length());
            }
        }
        return out.toString();
    }

    private Object sorted(List<Object> items, Parameters given) {
        boolean exact = given.flag(1, "case_sensitive", false);
        Object attribute = given.get(2, "attribute");
        return ordered(items, item -> key(item, attribute, exact), given.flag(0, "reverse", false));
    }

    private List<Object> ordered(List<Object> items, UnaryOperator<Object> key, boolean reverse) {
        Comparator<Object> order = (a, b) -> machine.operators().comparison().order(key.apply(a), key.apply(b));
        return List.copyOf(
                items.stream().sorted(reverse ? order.reversed() : order).toList());
    }

    private Object unique(List<Object> items, Parameters given) {
        List<Object> keys = new ArrayList<>();
        List<Object> kept = new ArrayList<>();
        for (Object item : items) {
            Object key = key(item, given.get(1, "attribute"), given.flag(0, "case_sensitive", false));
            budget.spend(keys.size());
            if (keys.stream()
                    .noneMatch(other -> machine.operators().comparison().equal(key, other))) {
                keys.add(key);
                kept.add(item);
            }
        }
        return kept;
    }

    private Object mapped(List<Object> items, Parameters given) {
        List<Object> out = new ArrayList<>();
        if (given.positional().isEmpty()) {
            given.of("attribute", "default");
            Object attribute = given.required(0, "attribute");
            for (Object item : items) {
                Object value = key(item, attribute, true);
                out.add(value instanceof Undefined && given.has(1, "default") ? given.get(1, "default") : value);
            }
            return out;
        }
        String name = Names.filter(given.text(0, "name"));
        List<Object> rest = given.positional().subList(1, given.positional().size());
        for (Object item : items) {
            out.add(filters.apply(name, item, rest, given.named()));
        }
        return out;
    }

    /// Items for which a test holds, or their attributes for which it does; without a test what is true.
    private Object chosen(List<Object> items, Parameters given, boolean wanted, boolean attributes) {
        int first = attributes ? 1 : 0;
        List<Object> arguments = given.positional();
        if (!given.named().isEmpty()) {
            throw new TemplateException("%s: named arguments are not done here".formatted(given.what()));
        }
        List<Object> out = new ArrayList<>();
        for (Object item : items) {
            Object value = attributes ? key(item, given.required(0, "attribute"), true) : item;
            boolean holds = arguments.size() == first
                    ? Values.truth(value)
                    : Tests.holds(
                            machine.operators(),
                            Names.test(Values.text(arguments.get(first), given.what())),
                            value,
                            arguments.subList(first + 1, arguments.size()));
            if (holds == wanted) {
                out.add(item);
            }
        }
        return out;
    }

    private Object summed(List<Object> items, Parameters given) {
        Object sum = given.get(1, "start", 0L);
        for (Object item : items) {
            sum = machine.operators().binary("+", sum, key(item, given.get(0, "attribute"), true));
        }
        return sum;
    }

    private Object extreme(List<Object> items, String name, Parameters given) {
        List<Object> order = new ArrayList<>(items);
        boolean exact = given.flag(0, "case_sensitive", false);
        Object attribute = given.get(1, "attribute");
        Comparator<Object> byKey =
                (a, b) -> machine.operators().comparison().order(key(a, attribute, exact), key(b, attribute, exact));
        return (name.equals("min") ? order.stream().min(byKey) : order.stream().min(byKey.reversed()))
                .orElse(new Undefined("the %s of no items".formatted(name)));
    }

    private Object batches(List<Object> items, Parameters given) {
        long size = Values.integer(given.required(0, "linecount"));
        if (size < 1) {
            throw new TemplateException("batch: at least 1 item");
        }
        List<Object> out = new ArrayList<>();
        for (int from = 0; from < items.size(); from += (int) Math.min(size, items.size())) {
            List<Object> batch = new ArrayList<>(items.subList(from, (int) Math.min(items.size(), from + size)));
            while (given.has(1, "fill_with") && batch.size() < size) {
                budget.step();
                batch.add(given.get(1, "fill_with"));
            }
            out.add(batch);
        }
        return out;
    }

    /// Returns what an item is looked at by: itself, or an attribute, which may be a path with dots.
    private Object key(Object item, Object attribute, boolean exact) {
        Object value = item;
        if (attribute instanceof Long index) {
            value = machine.subscript(item, index);
        } else if (attribute != Nothing.NONE) {
            for (String name : Values.text(attribute, "attribute").split("\\.", -1)) {
                value = name.matches("[0-9]{1,9}")
                        ? machine.subscript(value, Long.valueOf(name))
                        : machine.subscript(value, name);
            }
        }
        return folded(value, exact);
    }

    private static Object folded(Object value, boolean exact) {
        return !exact && value instanceof String text ? text.toLowerCase(Locale.ROOT) : value;
    }
}
