package io.github.steelyard.template;

import io.github.steelyard.jinja.Expression;
import io.github.steelyard.jinja.Statement;
import io.github.steelyard.jinja.Statement.MacroText;
import io.github.steelyard.jinja.Statement.Target;
import io.github.steelyard.jinja.TemplateException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Runs the statements of one rendering.
final class Renderer {

    /// How a block ended.
    private enum End {
        RUN_THROUGH,
        BREAK,
        CONTINUE
    }

    private final Budget budget;
    private final Interpreter interpreter;
    private final Printing printing;

    Renderer(Budget budget, Interpreter interpreter) {
        this.budget = budget;
        this.interpreter = interpreter;
        printing = new Printing(budget);
    }

    String render(List<Statement> body, Scope scope) {
        StringBuilder out = new StringBuilder();
        run(body, scope, out);
        return out.toString();
    }

    private End run(List<Statement> body, Scope scope, StringBuilder out) {
        for (Statement statement : body) {
            budget.step();
            End end = run(statement, scope, out);
            if (end != End.RUN_THROUGH) {
                return end;
            }
        }
        return End.RUN_THROUGH;
    }

    private End run(Statement statement, Scope scope, StringBuilder out) {
        switch (statement) {
            case Statement.Text text -> print(text.text(), out);
            case Statement.Print print ->
                placed(print.line(), () -> print(printing.str(interpreter.value(print.value(), scope)), out));
            case Statement.Assign assign ->
                placed(assign.line(), () -> assign(assign.target(), interpreter.value(assign.value(), scope), scope));
            case Statement.Capture capture ->
                placed(
                        capture.line(),
                        () -> assign(
                                capture.target(),
                                filtered(capture.filters(), captured(capture.body(), scope), scope),
                                scope));
            case Statement.Branch branch -> {
                return branch(branch, scope, out);
            }
            case Statement.Loop loop -> loop(loop, scope, out);
            case Statement.Define define -> scope.set(define.macro().name(), macro(define.macro(), scope));
            case Statement.CallBlock block -> placed(block.line(), () -> print(called(block, scope), out));
            case Statement.FilterBlock block ->
                placed(
                        block.line(),
                        () -> print(
                                printing.str(filtered(block.filters(), captured(block.body(), scope), scope)), out));
            case Statement.Scoped block -> print(captured(block.body(), scope), out);
            case Statement.Break end -> {
                return End.BREAK;
            }
            case Statement.Continue next -> {
                return End.CONTINUE;
            }
        }
        return End.RUN_THROUGH;
    }

    private static void placed(int line, Runnable step) {
        try {
            step.run();
        } catch (TemplateException e) {
            throw e.at(line);
        }
    }

    private void print(String text, StringBuilder out) {
        budget.text(text.length());
        if ((long) out.length() + text.length() > Budget.MOST_CHARACTERS) {
            budget.text((long) out.length() + text.length());
        }
        out.append(text);
    }

    private String captured(List<Statement> body, Scope scope) {
        return render(body, new Scope(scope));
    }

    private Object filtered(List<Expression.Filter> filters, Object value, Scope scope) {
        Object filtered = value;
        for (Expression.Filter filter : filters) {
            filtered = interpreter.filtered(filter, filtered, scope);
        }
        return filtered;
    }

    private End branch(Statement.Branch branch, Scope scope, StringBuilder out) {
        for (Statement.Case one : branch.cases()) {
            if (holds(one, scope)) {
                return run(one.body(), scope, out);
            }
        }
        return run(branch.otherwise(), scope, out);
    }

    private boolean holds(Statement.Case one, Scope scope) {
        try {
            return Values.truth(interpreter.value(one.test(), scope));
        } catch (TemplateException e) {
            throw e.at(one.line());
        }
    }

    private static void assign(Target target, Object value, Scope scope) {
        if (target.attribute().isPresent()) {
            if (!(scope.get(target.names().getFirst()) instanceof Namespace namespace)) {
                throw new TemplateException("only attributes of a namespace can be set");
            }
            namespace.attributes().put(target.attribute().get(), value);
            return;
        }
        if (!target.tuple()) {
            scope.set(target.names().getFirst(), value);
            return;
        }
        List<Object> items = Values.items(value);
        if (items.size() != target.names().size()) {
            throw new TemplateException("%s values for %s names"
                    .formatted(items.size(), target.names().size()));
        }
        for (int i = 0; i < items.size(); i++) {
            scope.set(target.names().get(i), items.get(i));
        }
    }

    private void loop(Statement.Loop loop, Scope scope, StringBuilder out) {
        List<Object> items = items(loop, scope);
        int depth = scope.get("loop") instanceof LoopState ? 1 : 0;
        LoopState state = new LoopState(items, depth, interpreter.operators().comparison());
        for (int i = 0; i < items.size(); i++) {
            budget.step();
            Scope inside = new Scope(scope);
            state.moveTo(i);
            inside.set("loop", state);
            Object item = items.get(i);
            placed(loop.line(), () -> assign(loop.target(), item, inside));
            if (run(loop.body(), inside, out) == End.BREAK) {
                return;
            }
        }
        if (items.isEmpty()) {
            run(loop.otherwise(), new Scope(scope), out);
        }
    }

    private List<Object> items(Statement.Loop loop, Scope scope) {
        try {
            List<Object> all = Values.items(interpreter.value(loop.items(), scope));
            budget.spend(all.size());
            if (loop.filter().isEmpty()) {
                return all;
            }
            return all.stream()
                    .filter(item -> {
                        Scope inside = new Scope(scope);
                        assign(loop.target(), item, inside);
                        return Values.truth(interpreter.value(loop.filter().get(), inside));
                    })
                    .toList();
        } catch (TemplateException e) {
            throw e.at(loop.line());
        }
    }

    private Callable macro(MacroText macro, Scope scope) {
        return (positional, named) -> {
            budget.enter();
            Scope inside = new Scope(scope);
            inside.set("caller", new Undefined("'caller'"));
            inside.set("loop", new Undefined("'loop'"));
            Map<String, Object> given = new LinkedHashMap<>(named);
            Object caller = given.remove("caller");
            if (caller != null) {
                inside.set("caller", caller);
            }
            Parameters parameters = new Parameters(macro.name(), positional, given)
                    .of(macro.parameters().toArray(String[]::new));
            int required = macro.parameters().size() - macro.defaults().size();
            for (int i = 0; i < macro.parameters().size(); i++) {
                String name = macro.parameters().get(i);
                Object value;
                if (parameters.has(i, name)) {
                    value = parameters.get(i, name);
                } else if (i >= required) {
                    value = interpreter.value(macro.defaults().get(i - required), inside);
                } else {
                    value = new Undefined("parameter '%s' of '%s'".formatted(name, macro.name()));
                }
                inside.set(name, value);
            }
            String printed = render(macro.body(), inside);
            budget.leave();
            return printed;
        };
    }

    private String called(Statement.CallBlock block, Scope scope) {
        Object called = interpreter.value(block.call().of(), scope);
        if (!(called instanceof Callable callable)) {
            throw new TemplateException("{% call %} of what is no macro");
        }
        Map<String, Object> caller = Map.of("caller", macro(block.caller(), scope));
        return printing.str(interpreter.call(callable, block.call().arguments(), scope, caller));
    }
}
