package io.github.steelyard.dialect;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.pattern.GlobPattern;
import io.github.steelyard.pattern.ModulePattern;
import io.github.steelyard.pattern.RegexPattern;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// What a quantization config says of modules by name and by pattern. Names go before patterns, and among patterns the
/// first that matches counts.
///
/// Models have a hundred thousand modules whose names differ in their numbers alone, so patterns that are blind to
/// digits are tried once for each shape of a name.
public final class ModuleRules {

    /// What a name in the list stands for.
    enum Names {
        /// The module of this name.
        EXACT,
        /// That, and the modules inside.
        WITH_CHILDREN,
        /// Every module whose name holds it, whole parts between dots at a time: `mlp.gate` stands for
        /// `model.layers.3.mlp.gate`. So do transformers and servers read the lists of publishers.
        ANYWHERE
    }

    private static final int MOST_PATTERNS = 4096;
    // Steps of all patterns over all modules: some seconds, a hundred times what a large model takes.
    private static final long MOST_STEPS = 1_000_000_000L;

    private final Path file;
    private final Names names;
    private final Map<String, Declaration> named = new HashMap<>();
    private final Set<Integer> lengths = new TreeSet<>(); // of the names, in parts between dots
    private final List<Rule> patterns = new ArrayList<>();
    private final Set<String> patternTexts = new HashSet<>();
    private final Map<String, Integer> byShape = new ConcurrentHashMap<>(); // first pattern that is blind to digits
    private final ModulePattern.Budget budget;

    private record Rule(ModulePattern pattern, Declaration declaration) {}

    ModuleRules(Path file, Names names) {
        this(file, names, MOST_STEPS);
    }

    /// @param steps how many steps all patterns together may take
    ModuleRules(Path file, Names names, long steps) {
        this.file = file;
        this.budget = new ModulePattern.Budget(steps);
        this.names = names;
    }

    /// Adds a rule for a name or, with wildcards, a glob.
    void addGlob(String text, Declaration declaration) {
        requireShort(text);
        if (GlobPattern.isGlob(text)) {
            addPattern(new GlobPattern(text), declaration);
        } else {
            addName(text, declaration);
        }
    }

    /// Adds a rule for a name or, after `re:`, a regular expression.
    void addRegex(String text, Declaration declaration) {
        requireShort(text);
        if (!text.startsWith("re:")) {
            addName(text, declaration);
            return;
        }
        String key = declaration.source().substring(declaration.source().indexOf(' ') + 1);
        try {
            addPattern(RegexPattern.of(text, budget), declaration);
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file, "%s: %s".formatted(Printable.of(key), e.getMessage()), e);
        } catch (ModulePattern.TooManySteps e) {
            throw new CheckpointException(
                    file,
                    "%s: pattern %s and those before it are too large"
                            .formatted(Printable.of(key), Printable.quoted(text)),
                    e);
        }
    }

    /// Returns what is said of `module`, if anything.
    Optional<Declaration> find(String module) {
        Optional<Declaration> byName = byName(module);
        if (byName.isPresent() || patterns.isEmpty()) {
            return byName;
        }
        int first = byShape.computeIfAbsent(
                ModulePattern.shape(module), shape -> first(shape, patterns.size(), ModulePattern::blindToDigits));
        first = Math.min(first, first(module, first, pattern -> !pattern.blindToDigits()));
        return first < patterns.size() ? Optional.of(patterns.get(first).declaration()) : Optional.empty();
    }

    /// Returns the index of the first pattern of a kind that matches, `below` if none before that does.
    private int first(String module, int below, Predicate<ModulePattern> kind) {
        for (int i = 0; i < below; i++) {
            ModulePattern pattern = patterns.get(i).pattern();
            if (kind.test(pattern) && matches(pattern, module)) {
                return i;
            }
        }
        return below;
    }

    private Optional<Declaration> byName(String module) {
        if (named.isEmpty()) {
            return Optional.empty();
        }
        return switch (names) {
            case EXACT -> Optional.ofNullable(named.get(module));
            case WITH_CHILDREN -> firstNamed(aroundOf(module));
            case ANYWHERE ->
                firstNamed(aroundOf(module))
                        .or(() -> firstNamed(within(module)).map(said -> said.said(Declaration.How.PATTERN)));
        };
    }

    private Optional<Declaration> firstNamed(List<String> candidates) {
        return candidates.stream().map(named::get).flatMap(Stream::ofNullable).findFirst();
    }

    /// Returns the module and the modules around it, the innermost first.
    private static List<String> aroundOf(String module) {
        List<String> all = new ArrayList<>(List.of(module));
        for (int dot = module.lastIndexOf('.'); dot > 0; dot = module.lastIndexOf('.', dot - 1)) {
            all.add(module.substring(0, dot));
        }
        return all;
    }

    /// Returns the stretches of whole parts in a module's name that are as long as some name of the list.
    private List<String> within(String module) {
        List<Integer> starts = new ArrayList<>(List.of(0));
        for (int dot = module.indexOf('.'); dot >= 0; dot = module.indexOf('.', dot + 1)) {
            starts.add(dot + 1);
        }
        starts.add(module.length() + 1);
        List<String> all = new ArrayList<>();
        for (int length : lengths) {
            for (int i = 0; i + length < starts.size(); i++) {
                all.add(module.substring(starts.get(i), starts.get(i + length) - 1));
            }
        }
        return all;
    }

    /// Returns the names and patterns that match none of `modules`, in no particular order.
    List<String> unmatched(Set<String> modules) {
        Set<String> left = new HashSet<>(named.keySet());
        for (String module : modules) {
            if (left.isEmpty()) {
                break;
            }
            left.removeAll(names == Names.ANYWHERE ? within(module) : aroundOf(module));
        }
        List<String> unmatched = new ArrayList<>(left);
        Set<String> shapes = modules.stream().map(ModulePattern::shape).collect(Collectors.toSet());
        for (Rule rule : patterns) {
            Collection<String> candidates = rule.pattern().blindToDigits() ? shapes : modules;
            if (candidates.stream().noneMatch(module -> matches(rule.pattern(), module))) {
                unmatched.add(rule.pattern().text());
            }
        }
        return unmatched;
    }

    /// Returns everything that is said by name.
    Map<String, Declaration> named() {
        return named;
    }

    /// Returns everything that is said, by name or by pattern.
    List<Declaration> declarations() {
        List<Declaration> all = new ArrayList<>(named.values());
        patterns.forEach(rule -> all.add(rule.declaration()));
        return all;
    }

    /// Returns all names and patterns as written.
    Set<String> texts() {
        Set<String> texts = new HashSet<>(named.keySet());
        texts.addAll(patternTexts);
        return texts;
    }

    private boolean matches(ModulePattern pattern, String module) {
        try {
            return pattern.matches(module, budget);
        } catch (ModulePattern.TooManySteps e) {
            throw new CheckpointException(
                    file,
                    "pattern %s takes too many steps over the module names, the last was %s"
                            .formatted(Printable.quoted(pattern.text()), Printable.quoted(module)),
                    e);
        }
    }

    private void addName(String name, Declaration declaration) {
        named.putIfAbsent(name, declaration.said(Declaration.How.NAMED));
        lengths.add((int) name.chars().filter(c -> c == '.').count() + 1);
    }

    private void addPattern(ModulePattern pattern, Declaration declaration) {
        if (patternTexts.add(pattern.text())) {
            patterns.add(new Rule(pattern, declaration.said(Declaration.How.PATTERN)));
        }
        if (patterns.size() > MOST_PATTERNS) {
            throw new CheckpointException(
                    file, String.format(Locale.ROOT, "more than %d patterns over modules", MOST_PATTERNS));
        }
    }

    private void requireShort(String text) {
        if (text.length() > ModulePattern.LONGEST) {
            throw new CheckpointException(
                    file,
                    String.format(
                            Locale.ROOT,
                            "module pattern %s: longer than %d characters",
                            Printable.quoted(text),
                            ModulePattern.LONGEST));
        }
    }
}
