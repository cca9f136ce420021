package io.github.steelyard.adapter;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.pattern.ModulePattern;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Which modules an adapter is for.
///
/// Source: PEFT, `check_target_module_exists` (see `docs/SOURCES.md`).
///
/// @param included the modules that are adapted
/// @param excluded those of them that are not
/// @param layers layers that are adapted; empty: all
/// @param lists expressions for the name of the list that a layer is in; empty: any
/// @param expressions matches expressions
record Targets(
        Modules included, Modules excluded, Set<Integer> layers, List<ModulePattern> lists, Expressions expressions) {

    private static final String ALL_LINEAR = "all-linear";

    /// Names of modules.
    sealed interface Modules {}

    /// Names, or ends of names that follow a dot.
    record Ends(Set<String> names) implements Modules {}

    /// Whole names that an expression matches.
    record Matching(ModulePattern pattern) implements Modules {}

    /// All linear layers but the output head.
    record AllLinear() implements Modules {}

    static Targets read(ConfigJson json, Expressions expressions) {
        boolean all =
                json.isString("target_modules") && json.string("target_modules").equalsIgnoreCase(ALL_LINEAR);
        Modules included = all ? new AllLinear() : modules(json, "target_modules", expressions);
        if (json.isVoid("target_modules") && json.isVoid("target_parameters")) {
            throw new CheckpointException(
                    json.file(), "target_modules: wanted modules here, or parameters in target_parameters, found none");
        }
        boolean listed = included instanceof Ends;
        for (String key : List.of("layers_to_transform", "layers_pattern")) {
            if (!listed && !json.isVoid(key)) {
                throw new CheckpointException(json.file(), key + ": has no effect beside a target_modules of one text");
            }
        }
        if (json.isVoid("layers_to_transform") && !json.isVoid("layers_pattern")) {
            throw new CheckpointException(json.file(), "layers_pattern: has no effect without layers_to_transform");
        }
        return new Targets(
                included,
                modules(json, "exclude_modules", expressions),
                json.isNumber("layers_to_transform")
                        ? Set.of(json.integer("layers_to_transform", 0, Integer.MAX_VALUE))
                        : new TreeSet<>(json.integers("layers_to_transform")),
                lists(json, expressions),
                expressions);
    }

    private static Modules modules(ConfigJson json, String key, Expressions expressions) {
        return json.isString(key)
                ? new Matching(expressions.whole(json.string(key), key))
                : new Ends(new TreeSet<>(json.strings(key)));
    }

    private static List<ModulePattern> lists(ConfigJson json, Expressions expressions) {
        String key = "layers_pattern";
        List<String> texts = json.isString(key) ? List.of(json.string(key)) : json.strings(key);
        return texts.stream()
                .filter(text -> !text.isEmpty())
                .map(text -> expressions.whole(".*\\.(" + text + ")", key))
                .toList();
    }

    /// Returns which of `ends` is `name` or follows a dot in it at its end, the longest of several.
    static Optional<String> endsIn(String name, Set<String> ends) {
        for (int from = 0; ; from = name.indexOf('.', from) + 1) {
            if (ends.contains(name.substring(from))) {
                return Optional.of(name.substring(from));
            }
            if (name.indexOf('.', from) < 0) {
                return Optional.empty();
            }
        }
    }

    /// Returns whether a module is adapted.
    ///
    /// @param name its name as the adapter has it: `model.layers.0.self_attn.q_proj`
    /// @param head whether it is the output head
    boolean include(String name, boolean head) {
        return !isOneOf(excluded, name, head) && isOneOf(included, name, head) && isInLayers(name);
    }

    private boolean isOneOf(Modules modules, String name, boolean head) {
        return switch (modules) {
            case Ends ends -> endsIn(name, ends.names()).isPresent();
            case Matching matching -> expressions.matches(matching.pattern(), name);
            case AllLinear all -> !head;
        };
    }

    private boolean isInLayers(String name) {
        if (layers.isEmpty()) {
            return true;
        }
        int dot = name.indexOf('.');
        while (dot >= 0) {
            int end = name.indexOf('.', dot + 1);
            if (end < 0) {
                return false;
            }
            String part = name.substring(dot + 1, end);
            if (isNumber(part) && isList(name.substring(0, dot))) {
                return layers.contains(Integer.parseInt(part));
            }
            dot = end;
        }
        return false;
    }

    private static boolean isNumber(String part) {
        return !part.isEmpty() && part.length() < 10 && part.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    private boolean isList(String name) {
        return lists.isEmpty()
                ? name.indexOf('.') >= 0
                : lists.stream().anyMatch(list -> expressions.matches(list, name));
    }

    /// Returns the names that neither are the end of any of `names` nor one of them.
    List<String> withoutEffect(Set<String> names) {
        return included instanceof Ends ends ? unused(ends.names(), names) : List.of();
    }

    /// Returns those of `wanted` that are the end of none of `names`.
    static List<String> unused(Set<String> wanted, Set<String> names) {
        Set<String> ends = new HashSet<>();
        for (String name : names) {
            for (int from = 0; from >= 0; ) {
                ends.add(name.substring(from));
                int dot = name.indexOf('.', from);
                from = dot < 0 ? -1 : dot + 1;
            }
        }
        List<String> unused = new ArrayList<>(wanted);
        unused.removeIf(ends::contains);
        return unused;
    }
}
