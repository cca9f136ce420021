package io.github.steelyard.template;

import io.github.steelyard.jinja.Parser;
import io.github.steelyard.jinja.Statement;
import io.github.steelyard.jinja.TemplateException;
import java.time.LocalDate;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/// A chat template: a program in the Jinja language, as checkpoints carry them.
///
/// It is run as transformers' `apply_chat_template` runs it (TRANSFORMERS, `docs/SOURCES.md`): with white space removed
/// around blocks (`trim_blocks`, `lstrip_blocks`), `break` and `continue`, `{% generation %}`, `tojson`,
/// `raise_exception` and `strftime_now`. It reaches nothing but its variables and changes none of them, in a bounded
/// number of steps. What is not done here, for example `{% include %}`, is an error that names it. Immutable.
public final class Template {

    /// Most characters of a template.
    public static final int LONGEST = 1 << 20;

    private static final long LONGEST_RANGE = 100_000;

    private final List<Statement> body;

    private Template(List<Statement> body) {
        this.body = body;
    }

    /// Reads a template.
    ///
    /// @throws TemplateException if it is none, or wants what is not done here
    public static Template parse(String text) {
        if (text.length() > LONGEST) {
            throw new TemplateException("a template of more than " + LONGEST + " characters");
        }
        return new Template(Parser.parse(text));
    }

    /// Renders the template.
    ///
    /// @param variables what it can ask for by name; values are as [JsonValues] makes them
    /// @param today what `strftime_now` says, at midnight: a rendering does not depend on when it is done
    /// @throws TemplateException if it refuses the variables, fails, or takes more than a bounded number of steps
    public String render(Map<String, ?> variables, LocalDate today) {
        Budget budget = new Budget();
        Scope globals = new Scope(null);
        globals.set("range", (Callable) (positional, named) -> range(budget, positional));
        globals.set(
                "namespace", (Callable) (positional, named) -> new Namespace(mapping("namespace", positional, named)));
        globals.set("dict", (Callable) (positional, named) -> mapping("dict", positional, named));
        globals.set("raise_exception", (Callable) (positional, named) -> {
            Object message = new Parameters("raise_exception", positional, named)
                    .of("message")
                    .required(0, "message");
            throw TemplateException.refusal(new Printing(budget).str(message));
        });
        globals.set("strftime_now", (Callable) (positional, named) -> {
            Parameters given = new Parameters("strftime_now", positional, named).of("format");
            return Dates.format(today, given.text(0, "format"));
        });
        Scope scope = new Scope(globals);
        variables.forEach(scope::set);
        try {
            return new Renderer(budget, new Interpreter(budget)).render(body, scope);
        } catch (StackOverflowError e) {
            throw new TemplateException("lies too deep in itself");
        }
    }

    private static Object range(Budget budget, List<Object> positional) {
        List<Long> bounds = positional.stream().map(Values::integer).toList();
        if (bounds.isEmpty() || bounds.size() > 3) {
            throw new TemplateException("range: 1 to 3 integers");
        }
        long from = bounds.size() == 1 ? 0 : bounds.get(0);
        long to = bounds.size() == 1 ? bounds.get(0) : bounds.get(1);
        long step = bounds.size() < 3 ? 1 : bounds.get(2);
        if (step == 0) {
            throw new TemplateException("range: a step of 0");
        }
        double count = Math.max(0, Math.ceil(((double) to - from) / step));
        if (count > LONGEST_RANGE) {
            throw new TemplateException("range: more than " + LONGEST_RANGE + " integers");
        }
        budget.spend((long) count);
        return LongStream.range(0, (long) count)
                .mapToObj(i -> (Object) (from + i * step))
                .toList();
    }

    private static Map<String, Object> mapping(String what, List<Object> positional, Map<String, Object> named) {
        Map<String, Object> all = new LinkedHashMap<>();
        Object first = new Parameters(what, positional, Map.of()).of("mapping").get(0, "mapping", Map.of());
        if (!(first instanceof Map<?, ?> given)) {
            throw new TemplateException("%s: expected a mapping, found '%s'".formatted(what, Values.kind(first)));
        }
        given.forEach((key, value) -> all.put(Values.text(key, what), value));
        all.putAll(named);
        return all;
    }
}
