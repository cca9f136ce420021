package io.github.steelyard.template;

import io.github.steelyard.jinja.TemplateException;
import java.util.List;
import java.util.Map;

/// Equality and order of values as Python has them. Each value that is looked at counts as a step, since one that holds
/// another many times is large without taking memory.
final class Comparison {

    private final Budget budget;

    Comparison(Budget budget) {
        this.budget = budget;
    }

    @SuppressWarnings("ReferenceEquality") // what is the same is equal, as in Python
    boolean equal(Object left, Object right) {
        budget.step();
        if (left == right) {
            return true;
        }
        return switch (left) {
            case List<?> list -> right instanceof List<?> other && equalItems(list, other);
            case Tuple tuple -> right instanceof Tuple other && equalItems(tuple.items(), other.items());
            case Map<?, ?> map -> right instanceof Map<?, ?> other && equalEntries(map, other);
            case Undefined undefined -> right instanceof Undefined;
            case Namespace namespace -> false;
            case Boolean flag -> Values.isNumber(right) && order(left, right) == 0;
            case Long number -> Values.isNumber(right) && order(left, right) == 0;
            case Double number -> Values.isNumber(right) && order(left, right) == 0;
            case String text -> {
                budget.text(text.length());
                yield text.equals(right);
            }
            default -> left.equals(right);
        };
    }

    private boolean equalItems(List<?> left, List<?> right) {
        if (left.size() != right.size()) {
            return false;
        }
        for (int i = 0; i < left.size(); i++) {
            if (!equal(left.get(i), right.get(i))) {
                return false;
            }
        }
        return true;
    }

    private boolean equalEntries(Map<?, ?> left, Map<?, ?> right) {
        return left.size() == right.size()
                && left.entrySet().stream().allMatch(entry -> {
                    Object other = right.get(entry.getKey());
                    return other != null && equal(entry.getValue(), other);
                });
    }

    /// Compares as Python's `<` does; NaN, which compares with nothing, is not met in texts.
    int order(Object left, Object right) {
        budget.step();
        if (Values.isNumber(left) && Values.isNumber(right)) {
            Number a = Values.number(left);
            Number b = Values.number(right);
            return a instanceof Long x && b instanceof Long y
                    ? Long.compare(x, y)
                    : Double.compare(a.doubleValue() + 0.0, b.doubleValue() + 0.0);
        }
        if (left instanceof String a && right instanceof String b) {
            budget.text(Math.min(a.length(), b.length()));
            return Strings.compare(a, b);
        }
        if (Values.isSequence(left) && Values.kind(left).equals(Values.kind(right))) {
            List<Object> a = Values.items(left);
            List<Object> b = Values.items(right);
            for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
                if (!equal(a.get(i), b.get(i))) {
                    return order(a.get(i), b.get(i));
                }
            }
            return Integer.compare(a.size(), b.size());
        }
        if (left instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (right instanceof Undefined undefined) {
            throw undefined.used();
        }
        throw new TemplateException(
                "values of types '%s' and '%s' have no order".formatted(Values.kind(left), Values.kind(right)));
    }

    boolean contains(Object container, Object item) {
        return switch (container) {
            case String text -> {
                budget.text(text.length());
                yield text.contains(Values.text(item, "in"));
            }
            case Map<?, ?> map -> map.containsKey(Values.key(item));
            default -> Values.items(container).stream().anyMatch(one -> equal(one, item));
        };
    }
}
