package io.github.steelyard.template;

import io.github.steelyard.jinja.TemplateException;
import java.util.ArrayList;
import java.util.List;

/// What Python's operators give.
final class Operators {

    private final Budget budget;
    private final Printing printing;
    private final Comparison comparison;

    Operators(Budget budget) {
        this.budget = budget;
        printing = new Printing(budget);
        comparison = new Comparison(budget);
    }

    Comparison comparison() {
        return comparison;
    }

    Object unary(String operator, Object value) {
        if (operator.equals("not")) {
            return !Values.truth(value);
        }
        Number number = Values.number(value);
        if (operator.equals("+")) {
            return number;
        }
        return number instanceof Long whole
                ? (Object) exact(() -> Math.negateExact(whole))
                : (Object) (-number.doubleValue());
    }

    Object binary(String operator, Object left, Object right) {
        budget.step();
        return switch (operator) {
            case "~" -> joined(printing.str(left), printing.str(right));
            case "+" -> plus(left, right);
            case "*" -> times(left, right);
            case "%" ->
                left instanceof String text
                        ? new Formatting(printing).percent(text, right)
                        : arithmetic(operator, left, right);
            default -> arithmetic(operator, left, right);
        };
    }

    boolean compare(String operator, Object left, Object right) {
        budget.step();
        return switch (operator) {
            case "==" -> comparison.equal(left, right);
            case "!=" -> !comparison.equal(left, right);
            case "in" -> comparison.contains(right, left);
            case "not in" -> !comparison.contains(right, left);
            case "<" -> comparison.order(left, right) < 0;
            case "<=" -> comparison.order(left, right) <= 0;
            case ">" -> comparison.order(left, right) > 0;
            default -> comparison.order(left, right) >= 0;
        };
    }

    private Object plus(Object left, Object right) {
        if (left instanceof String a && right instanceof String b) {
            return joined(a, b);
        }
        if (Values.isSequence(left) && Values.kind(left).equals(Values.kind(right))) {
            List<Object> all = new ArrayList<>(Values.items(left));
            all.addAll(Values.items(right));
            budget.spend(all.size());
            return left instanceof Tuple ? new Tuple(all) : all;
        }
        requireNumbers("+", left, right);
        return arithmetic("+", left, right);
    }

    private Object times(Object left, Object right) {
        if (left instanceof String text) {
            return Strings.repeat(budget, text, Values.integer(right));
        }
        if (right instanceof String text) {
            return Strings.repeat(budget, text, Values.integer(left));
        }
        if (left instanceof List<?> list) {
            List<Object> all = new ArrayList<>();
            for (long i = Values.integer(right); i > 0; i--) {
                budget.spend(1L + list.size());
                all.addAll(list);
            }
            return all;
        }
        return arithmetic("*", left, right);
    }

    private String joined(String left, String right) {
        budget.text((long) left.length() + right.length());
        return left + right;
    }

    private static void requireNumbers(String operator, Object left, Object right) {
        for (Object value : List.of(left, right)) {
            if (value instanceof Undefined undefined) {
                throw undefined.used();
            }
        }
        if (!Values.isNumber(left) || !Values.isNumber(right)) {
            throw new TemplateException("'%s' between values of types '%s' and '%s'"
                    .formatted(operator, Values.kind(left), Values.kind(right)));
        }
    }

    private static Object arithmetic(String operator, Object left, Object right) {
        requireNumbers(operator, left, right);
        Number a = Values.number(left);
        Number b = Values.number(right);
        if (List.of("/", "//", "%").contains(operator) && b.doubleValue() == 0) {
            throw new TemplateException("division by zero");
        }
        if (operator.equals("/")) {
            return a.doubleValue() / b.doubleValue();
        }
        if (a instanceof Long x && b instanceof Long y) {
            return whole(operator, x, y);
        }
        double x = a.doubleValue();
        double y = b.doubleValue();
        return switch (operator) {
            case "+" -> x + y;
            case "-" -> x - y;
            case "*" -> x * y;
            case "//" -> Math.floor(x / y);
            case "%" -> x - y * Math.floor(x / y);
            default -> Math.pow(x, y);
        };
    }

    private static Object whole(String operator, long x, long y) {
        return switch (operator) {
            case "+" -> exact(() -> Math.addExact(x, y));
            case "-" -> exact(() -> Math.subtractExact(x, y));
            case "*" -> exact(() -> Math.multiplyExact(x, y));
            case "//" -> Math.floorDiv(x, y);
            case "%" -> Math.floorMod(x, y);
            default -> {
                if (y < 0) {
                    yield Math.pow((double) x, (double) y);
                }
                yield exact(() -> {
                    long product = 1;
                    for (long i = 0; i < y && product != 0 && (x < -1 || x > 1); i++) {
                        product = Math.multiplyExact(product, x);
                    }
                    return x == 0 && y > 0 ? 0 : x == -1 && y % 2 == 1 ? -1 : product;
                });
            }
        };
    }

    /// A calculation with integers of 64 bits.
    private interface Calculation {
        long get();
    }

    private static long exact(Calculation calculation) {
        try {
            return calculation.get();
        } catch (ArithmeticException e) {
            throw new TemplateException("an integer of more than 64 bits");
        }
    }
}
