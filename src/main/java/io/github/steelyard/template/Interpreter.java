package io.github.steelyard.template;

import io.github.steelyard.jinja.Expression;
import io.github.steelyard.jinja.Expression.Arguments;
import io.github.steelyard.jinja.TemplateException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Finds what expressions of one rendering are worth.
final class Interpreter {

    private final Budget budget;
    private final Operators operators;
    private final Filters filters;
    private final Methods methods;

    Interpreter(Budget budget) {
        this.budget = budget;
        operators = new Operators(budget);
        filters = new Filters(this, budget);
        methods = new Methods(budget);
    }

    Operators operators() {
        return operators;
    }

    Object value(Expression expression, Scope scope) {
        budget.step();
        return switch (expression) {
            case Expression.Constant constant -> constant.value();
            case Expression.None none -> Nothing.NONE;
            case Expression.Name name -> scope.get(name.name());
            case Expression.Items items -> {
                List<Object> values = values(items.items(), scope);
                yield items.tuple() ? new Tuple(values) : values;
            }
            case Expression.Mapping mapping -> mapping(mapping, scope);
            case Expression.Attribute attribute -> attribute(value(attribute.of(), scope), attribute.name());
            case Expression.Subscript subscript ->
                subscript(value(subscript.of(), scope), value(subscript.index(), scope));
            case Expression.Slice slice ->
                Strings.slice(
                        budget,
                        value(slice.of(), scope),
                        value(slice.from(), scope),
                        value(slice.to(), scope),
                        value(slice.step(), scope));
            case Expression.Call call -> call(call, scope);
            case Expression.Filter filter -> filtered(filter, value(filter.of(), scope), scope);
            case Expression.Test test -> {
                List<Object> arguments = values(test.arguments().positional(), scope);
                if (!test.arguments().names().isEmpty()) {
                    throw new TemplateException("test '%s': no named arguments".formatted(test.name()));
                }
                boolean holds = Tests.holds(operators, test.name(), value(test.of(), scope), arguments);
                yield holds != test.negated();
            }
            case Expression.Unary unary -> operators.unary(unary.operator(), value(unary.of(), scope));
            case Expression.Binary binary -> binary(binary, scope);
            case Expression.Comparison comparison -> comparison(comparison, scope);
            case Expression.Condition condition -> {
                if (Values.truth(value(condition.test(), scope))) {
                    yield value(condition.then(), scope);
                }
                yield condition.otherwise().isPresent()
                        ? value(condition.otherwise().get(), scope)
                        : new Undefined("an 'if' without 'else'");
            }
        };
    }

    private Object value(Optional<Expression> expression, Scope scope) {
        return expression.isPresent() ? value(expression.get(), scope) : Nothing.NONE;
    }

    private List<Object> values(List<Expression> expressions, Scope scope) {
        List<Object> values = new ArrayList<>();
        for (Expression expression : expressions) {
            values.add(value(expression, scope));
        }
        return values;
    }

    private Object mapping(Expression.Mapping mapping, Scope scope) {
        Map<Object, Object> values = new LinkedHashMap<>();
        for (int i = 0; i < mapping.keys().size(); i++) {
            Object key = value(mapping.keys().get(i), scope);
            if (key instanceof Undefined undefined) {
                throw undefined.used();
            }
            values.put(Values.key(key), value(mapping.values().get(i), scope));
        }
        return values;
    }

    private Object binary(Expression.Binary binary, Scope scope) {
        Object left = value(binary.left(), scope);
        return switch (binary.operator()) {
            case "and" -> Values.truth(left) ? value(binary.right(), scope) : left;
            case "or" -> Values.truth(left) ? left : value(binary.right(), scope);
            default -> operators.binary(binary.operator(), left, value(binary.right(), scope));
        };
    }

    private boolean comparison(Expression.Comparison comparison, Scope scope) {
        Object left = value(comparison.first(), scope);
        for (int i = 0; i < comparison.operators().size(); i++) {
            Object right = value(comparison.operands().get(i), scope);
            if (!operators.compare(comparison.operators().get(i), left, right)) {
                return false;
            }
            left = right;
        }
        return true;
    }

    Object filtered(Expression.Filter filter, Object value, Scope scope) {
        return filters.apply(
                filter.name(), value, values(filter.arguments().positional(), scope), named(filter.arguments(), scope));
    }

    private Map<String, Object> named(Arguments arguments, Scope scope) {
        Map<String, Object> named = new LinkedHashMap<>();
        for (int i = 0; i < arguments.names().size(); i++) {
            named.put(arguments.names().get(i), value(arguments.named().get(i), scope));
        }
        return named;
    }

    /// Jinja's `of.name`: a method goes before a key of this name.
    Object attribute(Object of, String name) {
        if (methods.has(of, name)) {
            return (Callable) (positional, named) -> methods.call(of, name, positional, named);
        }
        return member(of, name, name);
    }

    /// Jinja's `of[index]`: a key goes before a method of this name.
    Object subscript(Object of, Object index) {
        Object found = member(
                of, index, index instanceof Long || index instanceof String ? index.toString() : Values.kind(index));
        if (found instanceof Undefined && index instanceof String name && !(of instanceof Undefined)) {
            return attribute(of, name);
        }
        return found;
    }

    private Object member(Object of, Object index, String shown) {
        Undefined missing = new Undefined("'%s' of a value of type '%s'".formatted(shown, Values.kind(of)));
        return switch (of) {
            case Undefined undefined -> throw undefined.used();
            case Map<?, ?> map -> {
                Object value = map.get(Values.key(index));
                yield value == null ? missing : value;
            }
            case Namespace namespace -> {
                Object value = namespace.attributes().get(shown);
                yield value == null ? missing : value;
            }
            case LoopState loop -> index instanceof String name ? loop.attribute(name) : missing;
            default -> {
                boolean isPlace = index instanceof Long || index instanceof Boolean;
                if (!isPlace || (!Values.isSequence(of) && !(of instanceof String))) {
                    yield missing;
                }
                List<Object> items = Values.items(of);
                budget.spend(of instanceof String ? items.size() : 1);
                long at = Values.integer(index);
                long place = at < 0 ? at + items.size() : at;
                yield place < 0 || place >= items.size() ? missing : items.get((int) place);
            }
        };
    }

    private Object call(Expression.Call call, Scope scope) {
        Object called = value(call.of(), scope);
        if (called instanceof Undefined undefined) {
            throw undefined.used();
        }
        if (!(called instanceof Callable callable)) {
            throw new TemplateException("a value of type '%s' is called".formatted(Values.kind(called)));
        }
        return call(callable, call.arguments(), scope, Map.of());
    }

    /// Calls with what the arguments are worth.
    ///
    /// @param more further named values
    Object call(Callable callable, Arguments arguments, Scope scope, Map<String, Object> more) {
        List<Object> positional = values(arguments.positional(), scope);
        Map<String, Object> named = named(arguments, scope);
        named.putAll(more);
        return callable.call(positional, named);
    }
}
