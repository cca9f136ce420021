package io.github.steelyard.checkpoint;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// What a quantization config says of modules by name and by pattern. Names go before patterns, and among patterns the
/// first that matches counts.
final class ModuleRules {

    private static final int MOST_PATTERNS = 4096;
    // Steps of all patterns over all modules: some seconds, a hundred times what a large model takes.
    private static final long MOST_STEPS = 1_000_000_000L;

    private final Path file;
    private final boolean namesCoverChildren;
    private final Map<String, Declaration> named = new HashMap<>();
    private final Map<ModulePattern, Declaration> patterns = new LinkedHashMap<>();
    private final ModulePattern.Budget budget;

    /// @param namesCoverChildren whether a name also stands for the modules inside
    ModuleRules(Path file, boolean namesCoverChildren) {
        this(file, namesCoverChildren, MOST_STEPS);
    }

    /// @param steps how many steps all patterns together may take
    ModuleRules(Path file, boolean namesCoverChildren, long steps) {
        this.file = file;
        this.budget = new ModulePattern.Budget(steps);
        this.namesCoverChildren = namesCoverChildren;
    }

    /// Adds a rule for a name or, with wildcards, a glob.
    void addGlob(String text, Declaration declaration) {
        requireShort(text);
        if (ModulePattern.isGlob(text)) {
            addPattern(new ModulePattern.Glob(text), declaration);
        } else {
            addName(text, declaration);
        }
    }

    /// Adds a rule for a name or, after `re:`, a regular expression.
    void addRegex(String text, Declaration declaration) {
        requireShort(text);
        if (text.startsWith("re:")) {
            addPattern(ModulePattern.Regex.of(file, text), declaration);
        } else {
            addName(text, declaration);
        }
    }

    /// Returns what is said of `module`, if anything.
    Optional<Declaration> find(String module) {
        Declaration byName = named.get(module);
        for (int dot = module.lastIndexOf('.'); byName == null && namesCoverChildren && dot > 0; ) {
            byName = named.get(module.substring(0, dot));
            dot = module.lastIndexOf('.', dot - 1);
        }
        if (byName != null) {
            return Optional.of(byName);
        }
        for (Map.Entry<ModulePattern, Declaration> rule : patterns.entrySet()) {
            if (matches(rule.getKey(), module)) {
                return Optional.of(rule.getValue());
            }
        }
        return Optional.empty();
    }

    /// Returns the names and patterns that match none of `modules`, in no particular order.
    List<String> unmatched(Set<String> modules) {
        Set<String> known = new HashSet<>(modules);
        for (String module : modules) {
            for (int dot = module.lastIndexOf('.'); dot > 0; dot = module.lastIndexOf('.', dot - 1)) {
                if (!known.add(module.substring(0, dot))) {
                    break;
                }
            }
        }
        List<String> unmatched = new ArrayList<>();
        named.keySet().stream().filter(name -> !known.contains(name)).forEach(unmatched::add);
        patterns.keySet().stream()
                .filter(pattern -> modules.stream().noneMatch(module -> matches(pattern, module)))
                .forEach(pattern -> unmatched.add(pattern.text()));
        return unmatched;
    }

    /// Returns everything that is said by name.
    Map<String, Declaration> named() {
        return named;
    }

    /// Returns everything that is said, by name or by pattern.
    List<Declaration> declarations() {
        List<Declaration> all = new ArrayList<>(named.values());
        all.addAll(patterns.values());
        return all;
    }

    /// Returns all names and patterns as written.
    Set<String> texts() {
        Set<String> texts = new HashSet<>(named.keySet());
        patterns.keySet().forEach(pattern -> texts.add(pattern.text()));
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
    }

    private void addPattern(ModulePattern pattern, Declaration declaration) {
        patterns.putIfAbsent(pattern, declaration.said(Declaration.How.PATTERN));
        if (patterns.size() > MOST_PATTERNS) {
            throw new CheckpointException(file, "more than %d patterns over modules".formatted(MOST_PATTERNS));
        }
    }

    private void requireShort(String text) {
        if (text.length() > ModulePattern.LONGEST) {
            throw new CheckpointException(
                    file,
                    "module pattern %s: longer than %d characters"
                            .formatted(Printable.quoted(text), ModulePattern.LONGEST));
        }
    }
}
