package io.github.steelyard.jinja;

import io.github.steelyard.jinja.Expression.Arguments;
import io.github.steelyard.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Reads the expressions of one tag, with Jinja's precedence.
final class ExpressionParser extends Words {

    private static final int DEEPEST = 100;
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

    /// Operators, from those that bind least.
    private static final List<Set<String>> LEVELS =
            List.of(Set.of("+", "-"), Set.of("~"), Set.of("*", "/", "//", "%"), Set.of("**"));

    private int depth;

    ExpressionParser(List<Token> tokens) {
        super(tokens);
    }

    /// Reads an expression, or several with commas between, which are a tuple.
    Expression tuple(boolean conditions) {
        List<Expression> items = new ArrayList<>();
        boolean tuple = false;
        while (!ends()) {
            items.add(conditions ? expression() : or());
            if (!skip(",")) {
                break;
            }
            tuple = true;
        }
        if (items.isEmpty()) {
            throw new TemplateException("expected an expression, found %s".formatted(peek().shown()));
        }
        return tuple ? new Expression.Items(items, true) : items.getFirst();
    }

    Expression expression() {
        if (++depth > DEEPEST) {
            throw new TemplateException("expressions lie deeper than %s in one another".formatted(DEEPEST));
        }
        Expression then = or();
        while (skip("if")) {
            Expression test = or();
            Optional<Expression> otherwise = skip("else") ? Optional.of(expression()) : Optional.empty();
            then = new Expression.Condition(test, then, otherwise);
        }
        depth--;
        return then;
    }

    private boolean ends() {
        Token token = peek();
        return token.kind() == Kind.END || token.is(")") || token.is("]") || token.is("in") || token.is("recursive");
    }

    Expression or() {
        Expression left = and();
        while (skip("or")) {
            left = new Expression.Binary("or", left, and());
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (skip("and")) {
            left = new Expression.Binary("and", left, not());
        }
        return left;
    }

    private Expression not() {
        int negations = 0;
        while (skip("not")) {
            negations++;
        }
        Expression read = comparison();
        if (negations > DEEPEST) {
            throw new TemplateException("expressions lie deeper than %s in one another".formatted(DEEPEST));
        }
        for (int i = 0; i < negations; i++) {
            read = new Expression.Unary("not", read);
        }
        return read;
    }

    private Expression comparison() {
        Expression first = sum();
        List<String> operators = new ArrayList<>();
        List<Expression> operands = new ArrayList<>();
        while (true) {
            Token token = peek();
            if ((token.kind() == Kind.OPERATOR && COMPARISONS.contains(token.text())) || token.is("in")) {
                operators.add(next().text());
            } else if (token.is("not") && second().is("in")) {
                next();
                next();
                operators.add("not in");
            } else {
                return operators.isEmpty() ? first : new Expression.Comparison(first, operators, operands);
            }
            operands.add(sum());
        }
    }

    private Expression sum() {
        return operators(0);
    }

    /// Reads operands with the operators of a level between them, which are taken from left to right.
    private Expression operators(int level) {
        if (level == LEVELS.size()) {
            return unary(true);
        }
        Expression left = operators(level + 1);
        while (peek().kind() == Kind.OPERATOR && LEVELS.get(level).contains(peek().text())) {
            left = new Expression.Binary(next().text(), left, operators(level + 1));
        }
        return left;
    }

    private Expression unary(boolean filters) {
        if (++depth > DEEPEST) {
            throw new TemplateException("expressions lie deeper than %s in one another".formatted(DEEPEST));
        }
        Expression read;
        if (peek().is("-") || peek().is("+")) {
            read = new Expression.Unary(next().text(), unary(false));
        } else {
            read = primary();
        }
        read = postfix(read);
        depth--;
        return filters ? filters(read) : read;
    }

    private Expression primary() {
        Token token = next();
        return switch (token.kind()) {
            case NAME ->
                switch (token.text()) {
                    case "true", "True" -> new Expression.Constant(true);
                    case "false", "False" -> new Expression.Constant(false);
                    case "none", "None" -> new Expression.None();
                    default -> new Expression.Name(token.text());
                };
            case STRING -> {
                StringBuilder text = new StringBuilder(token.text());
                while (peek().kind() == Kind.STRING) {
                    text.append(next().text());
                }
                yield new Expression.Constant(text.toString());
            }
            case INTEGER -> new Expression.Constant(Long.valueOf(token.text()));
            case FLOAT -> new Expression.Constant(Double.valueOf(token.text()));
            case OPERATOR -> bracket(token);
            case END -> throw new TemplateException("expected an expression, found " + token.shown());
        };
    }

    private Expression bracket(Token token) {
        return switch (token.text()) {
            case "(" -> {
                if (skip(")")) {
                    yield new Expression.Items(List.of(), true);
                }
                Expression inside = tuple(true);
                expect(")");
                yield inside;
            }
            case "[" -> {
                List<Expression> items = new ArrayList<>();
                listed("]", () -> items.add(expression()));
                yield new Expression.Items(items, false);
            }
            case "{" -> mapping();
            default -> throw new TemplateException("unexpected " + token.shown());
        };
    }

    private Expression mapping() {
        List<Expression> keys = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        listed("}", () -> {
            keys.add(expression());
            expect(":");
            values.add(expression());
        });
        return new Expression.Mapping(keys, values);
    }

    private Expression postfix(Expression of) {
        Expression read = of;
        while (true) {
            if (skip(".")) {
                Token name = next();
                read = switch (name.kind()) {
                    case NAME -> new Expression.Attribute(read, name.text());
                    case INTEGER -> new Expression.Subscript(read, new Expression.Constant(Long.valueOf(name.text())));
                    case STRING, FLOAT, OPERATOR, END ->
                        throw new TemplateException("expected a name after '.', found " + name.shown());
                };
            } else if (skip("[")) {
                read = subscript(read);
            } else if (peek().is("(")) {
                read = new Expression.Call(read, arguments());
            } else {
                return read;
            }
        }
    }

    private Expression subscript(Expression of) {
        Optional<Expression> from = peek().is(":") ? Optional.empty() : Optional.of(tuple(true));
        if (from.isPresent() && skip("]")) {
            return new Expression.Subscript(of, from.get());
        }
        expect(":");
        Optional<Expression> to = peek().is(":") || peek().is("]") ? Optional.empty() : Optional.of(expression());
        Optional<Expression> step = skip(":") && !peek().is("]") ? Optional.of(expression()) : Optional.empty();
        expect("]");
        return new Expression.Slice(of, from, to, step);
    }

    /// Reads filters, tests and calls of what they give.
    private Expression filters(Expression of) {
        Expression read = of;
        while (true) {
            if (skip("|")) {
                String name = name();
                read = new Expression.Filter(read, Names.filter(name), peek().is("(") ? arguments() : Arguments.NONE);
            } else if (skip("is")) {
                read = test(read);
            } else if (peek().is("(")) {
                read = new Expression.Call(read, arguments());
            } else {
                return read;
            }
        }
    }

    private Expression test(Expression of) {
        boolean negated = skip("not");
        String name = Names.test(name());
        Token token = peek();
        Arguments arguments = Arguments.NONE;
        if (token.is("(")) {
            arguments = arguments();
        } else if (token.kind() == Kind.STRING
                || token.kind() == Kind.INTEGER
                || token.kind() == Kind.FLOAT
                || token.is("[")
                || token.is("{")
                || (token.kind() == Kind.NAME
                        && !Set.of("else", "or", "and", "is").contains(token.text()))) {
            arguments = new Arguments(List.of(postfix(primary())), List.of(), List.of());
        }
        return new Expression.Test(of, name, arguments, negated);
    }

    /// Reads what stands in the brackets of a call.
    Arguments arguments() {
        expect("(");
        List<Expression> positional = new ArrayList<>();
        List<String> names = new ArrayList<>();
        List<Expression> named = new ArrayList<>();
        listed(")", () -> {
            if (peek().is("*") || peek().is("**")) {
                throw new TemplateException("'%s' before an argument is not done here".formatted(peek().text()));
            }
            if (peek().kind() == Kind.NAME && second().is("=")) {
                names.add(name());
                next();
                named.add(expression());
            } else if (names.isEmpty()) {
                positional.add(expression());
            } else {
                throw new TemplateException("an argument without a name after one with a name");
            }
        });
        return new Arguments(positional, names, named);
    }
}
