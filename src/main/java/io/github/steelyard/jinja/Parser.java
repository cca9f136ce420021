package io.github.steelyard.jinja;

import io.github.steelyard.jinja.Statement.MacroText;
import io.github.steelyard.jinja.Statement.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Reads the statements of a template.
public final class Parser {

    private static final int DEEPEST = 60;

    private final List<Segment> segments;
    private int at;
    private int depth;
    private int line = 1;
    private int loops;

    private Parser(List<Segment> segments) {
        this.segments = segments;
    }

    /// Reads a template.
    ///
    /// @throws TemplateException naming the line, if it is none, or one that wants what is not done here
    public static List<Statement> parse(String template) {
        Parser parser = new Parser(Segments.of(template));
        try {
            return parser.body(Set.of());
        } catch (TemplateException e) {
            throw e.at(parser.line);
        } catch (StackOverflowError e) {
            throw new TemplateException("lies too deep in itself").at(parser.line);
        }
    }

    /// Reads statements until one of the tags, or the end where there are none.
    private List<Statement> body(Set<String> until) {
        if (++depth > DEEPEST) {
            throw new TemplateException("blocks lie deeper than %s in one another".formatted(DEEPEST));
        }
        List<Statement> body = new ArrayList<>();
        int begin = line;
        while (at < segments.size()) {
            switch (segments.get(at)) {
                case Segment.Text text -> {
                    body.add(new Statement.Text(text.text()));
                    at++;
                }
                case Segment.Print print -> {
                    ExpressionParser words = open(print.tokens());
                    body.add(new Statement.Print(words.tuple(true), line));
                    words.end();
                    at++;
                }
                case Segment.Tag tag -> {
                    ExpressionParser words = open(tag.tokens());
                    if (until.contains(words.peek().text())) {
                        depth--;
                        return body;
                    }
                    at++;
                    body.add(statement(words));
                }
            }
        }
        if (!until.isEmpty()) {
            line = begin;
            throw new TemplateException("no {%% %s %%} for a block"
                    .formatted(String.join(" or ", until.stream().sorted().toList())));
        }
        depth--;
        return body;
    }

    private ExpressionParser open(List<Token> tokens) {
        line = tokens.getFirst().line();
        return new ExpressionParser(tokens);
    }

    private Statement statement(ExpressionParser words) {
        String tag = words.name();
        return switch (tag) {
            case "set" -> set(words);
            case "if" -> branch(words);
            case "for" -> loop(words);
            case "macro" -> new Statement.Define(macro(words, words.name(), "endmacro"), line);
            case "call" -> callBlock(words);
            case "filter" -> filterBlock(words);
            case "generation" -> {
                words.end();
                yield new Statement.Scoped(block("endgeneration"));
            }
            case "break", "continue" -> {
                words.end();
                if (loops == 0) {
                    throw new TemplateException("{%% %s %%} outside a loop".formatted(tag));
                }
                yield tag.equals("break") ? new Statement.Break() : new Statement.Continue();
            }
            default -> throw new TemplateException("{%% %s %%} is not done here".formatted(tag));
        };
    }

    /// Reads a block and the tag that ends it.
    private List<Statement> block(String end) {
        List<Statement> body = body(Set.of(end));
        close();
        return body;
    }

    private ExpressionParser close() {
        ExpressionParser words = open(((Segment.Tag) segments.get(at++)).tokens());
        words.next();
        return words;
    }

    private Statement set(ExpressionParser words) {
        int begin = line;
        Target target = target(words, true);
        if (words.skip("=")) {
            Expression value = words.tuple(true);
            words.end();
            return new Statement.Assign(target, value, begin);
        }
        List<Expression.Filter> filters = filters(words);
        return new Statement.Capture(target, filters, block("endset"), begin);
    }

    private static Target target(ExpressionParser words, boolean attributes) {
        boolean brackets = words.skip("(");
        List<String> names = new ArrayList<>(List.of(words.name()));
        if (attributes && words.skip(".")) {
            return new Target(names, false, Optional.of(words.name()));
        }
        boolean tuple = false;
        while (words.skip(",")) {
            tuple = true;
            if (words.peek().kind() == Token.Kind.NAME && !words.peek().is("in")) {
                names.add(words.name());
            }
        }
        if (brackets) {
            words.expect(")");
        }
        return new Target(names, tuple, Optional.empty());
    }

    private List<Expression.Filter> filters(ExpressionParser words) {
        List<Expression.Filter> filters = new ArrayList<>();
        while (words.skip("|")) {
            filters.add(filter(words));
        }
        words.end();
        return filters;
    }

    private static Expression.Filter filter(ExpressionParser words) {
        String name = Names.filter(words.name());
        return new Expression.Filter(
                new Expression.None(), name, words.peek().is("(") ? words.arguments() : Expression.Arguments.NONE);
    }

    private Statement branch(ExpressionParser first) {
        List<Statement.Case> cases = new ArrayList<>();
        ExpressionParser words = first;
        while (true) {
            int begin = line;
            Expression test = words.tuple(true);
            words.end();
            cases.add(new Statement.Case(test, body(Set.of("elif", "else", "endif")), begin));
            String tag = ((Segment.Tag) segments.get(at)).tokens().getFirst().text();
            words = close();
            if (tag.equals("elif")) {
                continue;
            }
            words.end();
            return new Statement.Branch(cases, tag.equals("else") ? block("endif") : List.of());
        }
    }

    private Statement loop(ExpressionParser words) {
        int begin = line;
        Target target = target(words, false);
        words.expect("in");
        Expression items = words.tuple(false);
        Optional<Expression> filter = words.skip("if") ? Optional.of(words.expression()) : Optional.empty();
        if (words.peek().is("recursive")) {
            throw new TemplateException("{% for … recursive %} is not done here");
        }
        words.end();
        loops++;
        List<Statement> body = body(Set.of("else", "endfor"));
        loops--;
        String tag = ((Segment.Tag) segments.get(at)).tokens().getFirst().text();
        close().end();
        List<Statement> otherwise = tag.equals("else") ? block("endfor") : List.of();
        return new Statement.Loop(target, items, filter, body, otherwise, begin);
    }

    private MacroText macro(ExpressionParser words, String name, String end) {
        List<String> parameters = new ArrayList<>();
        List<Expression> defaults = new ArrayList<>();
        if (words.skip("(")) {
            words.listed(")", () -> {
                parameters.add(words.name());
                if (words.skip("=")) {
                    defaults.add(words.expression());
                } else if (!defaults.isEmpty()) {
                    throw new TemplateException("a parameter without a default after one with a default");
                }
            });
        }
        if (!end.equals("endcall")) {
            words.end();
            return new MacroText(name, parameters, defaults, inMacro(end));
        }
        return new MacroText(name, parameters, defaults, List.of());
    }

    private List<Statement> inMacro(String end) {
        int outside = loops;
        loops = 0;
        List<Statement> body = block(end);
        loops = outside;
        return body;
    }

    private Statement callBlock(ExpressionParser words) {
        int begin = line;
        MacroText head = macro(words, "caller", "endcall");
        Expression call = words.expression();
        words.end();
        if (!(call instanceof Expression.Call called)) {
            throw new TemplateException("{% call %} without a call");
        }
        MacroText caller = new MacroText("caller", head.parameters(), head.defaults(), inMacro("endcall"));
        return new Statement.CallBlock(caller, called, begin);
    }

    private Statement filterBlock(ExpressionParser words) {
        int begin = line;
        List<Expression.Filter> filters = new ArrayList<>(List.of(filter(words)));
        filters.addAll(filters(words));
        return new Statement.FilterBlock(filters, block("endfilter"), begin);
    }
}
