package io.github.steelyard.jinja;

import java.util.List;
import java.util.Optional;

/// An expression of a template.
public sealed interface Expression {

    /// A value that is written down.
    record Constant(Object value) implements Expression {}

    /// `none`.
    record None() implements Expression {}

    /// What a name stands for.
    record Name(String name) implements Expression {}

    /// A list or a tuple.
    record Items(List<Expression> items, boolean tuple) implements Expression {}

    /// A mapping: keys and values in order.
    record Mapping(List<Expression> keys, List<Expression> values) implements Expression {}

    /// `of.name`.
    record Attribute(Expression of, String name) implements Expression {}

    /// `of[index]`.
    record Subscript(Expression of, Expression index) implements Expression {}

    /// `of[from:to:step]`.
    record Slice(Expression of, Optional<Expression> from, Optional<Expression> to, Optional<Expression> step)
            implements Expression {}

    /// `of(…)`.
    record Call(Expression of, Arguments arguments) implements Expression {}

    /// `of | name(…)`.
    record Filter(Expression of, String name, Arguments arguments) implements Expression {}

    /// `of is name …`, or `is not`.
    record Test(Expression of, String name, Arguments arguments, boolean negated) implements Expression {}

    /// An operator before its operand.
    record Unary(String operator, Expression of) implements Expression {}

    /// An operator between two operands.
    record Binary(String operator, Expression left, Expression right) implements Expression {}

    /// A chain: each operator stands before its operand.
    record Comparison(Expression first, List<String> operators, List<Expression> operands) implements Expression {}

    /// `then if test else otherwise`.
    record Condition(Expression test, Expression then, Optional<Expression> otherwise) implements Expression {}

    /// What a call passes.
    ///
    /// @param positional values in order
    /// @param names names of the named values, in order
    /// @param named their values
    record Arguments(List<Expression> positional, List<String> names, List<Expression> named) {
        /// Nothing.
        public static final Arguments NONE = new Arguments(List.of(), List.of(), List.of());
    }
}
