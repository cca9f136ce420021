package io.github.steelyard.oracle;

import io.github.steelyard.oracle.OracleTable.Backend;
import io.github.steelyard.oracle.OracleTable.Effect;
import io.github.steelyard.oracle.OracleTable.Guarded;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/// Reads one table of a catalogue. Every backend and expert class that it names must exist.
final class TableReader {

    private final ConditionReader conditions;
    private final Set<String> experts;
    private final YamlFields fields;
    private final SequencedMap<String, Backend> backends = new LinkedHashMap<>();

    TableReader(ConditionReader conditions, Set<String> experts, YamlFields fields) {
        this.conditions = conditions;
        this.experts = experts;
        this.fields = fields;
    }

    /// Returns one table per format that the entry serves.
    List<OracleTable> tables(String name) {
        YamlFields.of(fields.file(), fields.node("backends"))
                .entries()
                .forEach((key, node) -> backends.put(key, backend(key, YamlFields.of(fields.file(), node))));
        List<String> formats = fields.find("format").isPresent() ? fields.texts("format") : List.of(name);
        OracleTable table = table(name, formats.getFirst());
        fields.end();
        return formats.stream().map(format -> withFormat(table, format)).toList();
    }

    private static OracleTable withFormat(OracleTable t, String format) {
        return new OracleTable(
                t.name(),
                format,
                t.when(),
                t.label(),
                t.weight(),
                t.input(),
                t.inputRule(),
                t.names(),
                t.autoNames(),
                t.batchedNames(),
                t.ignoresRequest(),
                t.backends(),
                t.first(),
                t.priority(),
                t.reorder(),
                t.restrictions(),
                t.environment(),
                t.last(),
                t.visible(),
                t.rounding(),
                t.messages());
    }

    private OracleTable table(String name, String format) {
        SequencedMap<String, List<String>> names = fields.textListMap("names");
        names.values().forEach(list -> known(fields, list));
        List<String> visible = fields.texts("visible");
        for (String each : visible) {
            if (!names.containsKey(each)) {
                throw fields.fault(fields.line(), "visible: '%s' is not one of the names".formatted(each));
            }
        }
        return new OracleTable(
                name,
                format,
                conditions.optional(fields, "when"),
                fields.text("label"),
                fields.optionalText("weight").orElse(MoeLayer.NONE),
                fields.optionalText("input").orElse(MoeLayer.NONE),
                new OracleTable.InputRule(
                        fields.flag("input-from-backend", false),
                        fields.flag("filter-by-input", false),
                        Set.copyOf(known(fields, fields.texts("filter-exempt")))),
                names,
                Set.copyOf(fields.texts("auto-names")),
                Set.copyOf(fields.texts("batched-names")),
                fields.flag("ignores-request", false),
                backends,
                fields.each("first", this::guarded),
                fields.each("priority", this::priority),
                fields.each("reorder", this::reorder),
                fields.each("restrict", this::restriction),
                fields.each("environment", this::variableRule),
                fields.each("last", this::guarded),
                visible,
                fields.each("rounding", this::rounding),
                new OracleTable.Wording(
                        fields.text("unsupported"),
                        fields.text("exhausted"),
                        kind(fields, "exhausted-error", Refusal.Kind.NOT_IMPLEMENTED_ERROR)));
    }

    private Backend backend(String name, YamlFields entry) {
        List<String> own = entry.texts("experts");
        List<String> lora = entry.texts("lora-experts");
        own.forEach(expert -> knownExperts(entry, expert));
        lora.forEach(expert -> knownExperts(entry, expert));
        Backend backend = new Backend(
                name,
                entry.optionalText("display").orElse(name),
                own,
                lora,
                entry.optionalText("batched"),
                entry.optionalText("input").orElse(MoeLayer.NONE),
                entry.optionalText("input-scales")
                        .map(word -> entry.word("input-scales", word, InputScales::of))
                        .orElse(InputScales.LAYER_MAXIMUM),
                entry.each("refuse", this::refuse));
        entry.end();
        return backend;
    }

    private ExpertClass.Check refuse(YamlFields entry) {
        ExpertClass.Check check =
                new ExpertClass.Check(new Condition.Not(conditions.read(entry.node("when"))), entry.text("reason"));
        entry.end();
        return check;
    }

    private OracleTable.Priority priority(YamlFields entry) {
        OracleTable.Priority priority =
                new OracleTable.Priority(conditions.optional(entry, "when"), known(entry, entry.texts("order")));
        entry.end();
        return priority;
    }

    private OracleTable.Reorder reorder(YamlFields entry) {
        OracleTable.Reorder reorder = new OracleTable.Reorder(
                conditions.optional(entry, "when"),
                known(entry, entry.texts("to-front")),
                known(entry, entry.texts("to-back")));
        entry.end();
        return reorder;
    }

    private OracleTable.Restriction restriction(YamlFields entry) {
        OracleTable.Restriction restriction = new OracleTable.Restriction(
                conditions.optional(entry, "when"),
                known(entry, entry.texts("drop")),
                entry.text("reason"),
                entry.text("message"),
                entry.optionalText("environment-message"));
        entry.end();
        return restriction;
    }

    private OracleTable.VariableRule variableRule(YamlFields entry) {
        Map<String, Boolean> flags = new LinkedHashMap<>();
        YamlFields.of(entry.file(), entry.node("flags")).entries().forEach((name, value) -> {
            conditions.readsVariable(name);
            flags.put(name, YamlFields.flagOf(entry.file(), value));
        });
        Condition offWhen = entry.find("off-when").map(conditions::read).orElse(new Condition.Not(Condition.ALWAYS));
        OracleTable.VariableRule rule = new OracleTable.VariableRule(
                flags, offWhen, entry.each("off", this::guarded), entry.each("on", this::guarded));
        entry.end();
        return rule;
    }

    private Guarded guarded(YamlFields entry) {
        Guarded guarded =
                new Guarded(conditions.optional(entry, "when"), entry.flag("engine-only", false), effect(entry));
        entry.end();
        return guarded;
    }

    private Effect effect(YamlFields entry) {
        Optional<Effect> found = entry.find("drop")
                .<Effect>map(node -> new Effect.Drop(known(entry, entry.texts("drop"))))
                .or(() -> entry.optionalText("force").map(name -> force(entry, name)))
                .or(() -> entry.find("try")
                        .map(node -> new Effect.Try(known(entry, entry.texts("try")), entry.text("message"))))
                .or(() -> entry.optionalText("refuse")
                        .map(message -> new Effect.Refuse(kind(entry, "error", Refusal.Kind.VALUE_ERROR), message)))
                .or(() -> entry.optionalText("platform-handles").map(Effect.PlatformHandles::new))
                .or(() -> entry.optionalText("take").map(name -> take(entry, name)))
                .or(() -> entry.optionalText("by").map(variable -> byValue(entry, variable)));
        return found.orElseThrow(() -> entry.fault(entry.line(), "a rule without an effect"));
    }

    private Effect force(YamlFields entry, String backend) {
        String batched = entry.optionalText("batched").orElse(backend);
        known(entry, List.of(backend, batched));
        return new Effect.Force(backend, batched);
    }

    private Effect take(YamlFields entry, String backend) {
        known(entry, List.of(backend));
        String expert = entry.text("experts");
        knownExperts(entry, expert);
        return new Effect.Take(backend, expert, entry.flag("if-supported", false));
    }

    private Effect byValue(YamlFields entry, String variable) {
        conditions.readsVariable(variable);
        SequencedMap<String, List<Guarded>> values = new LinkedHashMap<>();
        YamlFields.of(entry.file(), entry.node("values"))
                .entries()
                .forEach((value, node) -> values.put(value, YamlFields.eachOf(entry.file(), node, this::guarded)));
        return new Effect.ByValue(variable, values, entry.each("unset", this::guarded));
    }

    private OracleTable.Rounding rounding(YamlFields entry) {
        OracleTable.Rounding rounding = new OracleTable.Rounding(
                known(entry, entry.texts("backends")),
                conditions.optional(entry, "when"),
                entry.integer("hidden"),
                entry.integer("intermediate"));
        if (rounding.hidden() < 1 || rounding.intermediate() < 1) {
            throw entry.fault(
                    entry.line(),
                    String.format(
                            Locale.ROOT,
                            "rounding: expected positive sizes, found %d and %d",
                            rounding.hidden(),
                            rounding.intermediate()));
        }
        entry.end();
        return rounding;
    }

    private static Refusal.Kind kind(YamlFields entry, String key, Refusal.Kind otherwise) {
        Optional<String> word = entry.optionalText(key);
        if (word.isEmpty()) {
            return otherwise;
        }
        for (Refusal.Kind kind : Refusal.Kind.values()) {
            if (kind.label().equals(word.get())) {
                return kind;
            }
        }
        throw entry.fault(entry.line(), "%s: unknown error '%s'".formatted(key, word.get()));
    }

    private List<String> known(YamlFields entry, List<String> names) {
        for (String name : names) {
            if (!backends.containsKey(name)) {
                throw entry.fault(entry.line(), "backend '%s' is not one of %s".formatted(name, backends.keySet()));
            }
        }
        return names;
    }

    private void knownExperts(YamlFields entry, String name) {
        if (!experts.contains(name)) {
            throw entry.fault(entry.line(), "expert class '%s' is not defined".formatted(name));
        }
    }
}
