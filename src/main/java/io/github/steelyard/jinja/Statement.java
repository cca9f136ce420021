package io.github.steelyard.jinja;

import io.github.steelyard.jinja.Expression.Filter;
import java.util.List;
import java.util.Optional;

/// A statement of a template.
public sealed interface Statement {

    /// Text that is printed as it is.
    record Text(String text) implements Statement {}

    /// An expression whose value is printed.
    record Print(Expression value, int line) implements Statement {}

    /// `{% set target = value %}`.
    record Assign(Target target, Expression value, int line) implements Statement {}

    /// Gives a name to what a block prints; filters are applied from the innermost on, each to the one before.
    record Capture(Target target, List<Filter> filters, List<Statement> body, int line) implements Statement {}

    /// `{% if %}`.
    record Branch(List<Case> cases, List<Statement> otherwise) implements Statement {}

    /// One of the cases of a branch.
    record Case(Expression test, List<Statement> body, int line) {}

    /// `{% for %}`.
    record Loop(
            Target target,
            Expression items,
            Optional<Expression> filter,
            List<Statement> body,
            List<Statement> otherwise,
            int line)
            implements Statement {}

    /// `{% macro %}`.
    record Define(MacroText macro, int line) implements Statement {}

    /// `{% call(…) macro(…) %}`: a call that is given what stands in its block as `caller`.
    record CallBlock(MacroText caller, Expression.Call call, int line) implements Statement {}

    /// `{% filter %}`: filters of what a block prints.
    record FilterBlock(List<Filter> filters, List<Statement> body, int line) implements Statement {}

    /// A block with names of its own.
    record Scoped(List<Statement> body) implements Statement {}

    /// `{% break %}`.
    record Break() implements Statement {}

    /// `{% continue %}`.
    record Continue() implements Statement {}

    /// What is assigned to: names, or an attribute of a namespace.
    ///
    /// @param names one name, or several where `tuple`
    /// @param attribute of the namespace that the name stands for
    record Target(List<String> names, boolean tuple, Optional<String> attribute) {}

    /// A macro as it is written.
    ///
    /// @param defaults of the last parameters
    record MacroText(String name, List<String> parameters, List<Expression> defaults, List<Statement> body) {}
}
