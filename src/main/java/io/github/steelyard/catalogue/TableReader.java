package io.github.steelyard.catalogue;

import io.github.steelyard.catalogue.OracleTable.Backend;
import io.github.steelyard.catalogue.OracleTable.Effect;
import io.github.steelyard.catalogue.OracleTable.Guarded;
import io.github.steelyard.yaml.Fields;
import io.github.steelyard.yaml.Values;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/// Reads one table of a catalogue. Every backend and expert class that it names must exist.
final class TableReader {

    private final ConditionReader conditions;
    private final Set<String> experts;
    private final Fields fields;
    private final SequencedMap<String, Backend> backends = new LinkedHashMap<>();

    TableReader(ConditionReader conditions, Set<String> experts, Fields fields) {
        this.conditions = conditions;
        this.experts = experts;
        this.fields = fields;
    }

    /// Returns one table per format that the entry serves.
    List<OracleTable> tables(String name) {
        Fields map = Fields.of(fields.path("backends"), fields.required("backends"));
        map.entries().forEach((key, node) -> {
            try (Fields entry = Fields.of(map.path(key), node)) {
                backends.put(key, backend(key, entry));
            }
        });
        List<String> formats = fields.node("format").isPresent() ? fields.words("format") : List.of(name);
        if (formats.isEmpty()) {
            throw new CatalogueException(
                    fields.required("format").at(), "expected a format or a list of them, found an empty list");
        }
        OracleTable table = table(name, formats.getFirst());
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
        SequencedMap<String, List<String>> names = Entries.lists(fields, "names");
        names.values().forEach(list -> known(fields, list));
        List<String> visible = fields.words("visible");
        for (String each : visible) {
            if (!names.containsKey(each)) {
                throw new CatalogueException(fields.at(), "visible: '%s' is not one of the names".formatted(each));
            }
        }
        return new OracleTable(
                name,
                format,
                conditions.optional(fields, "when"),
                fields.requiredWord("label"),
                fields.word("weight").orElse(MoeLayer.NONE),
                fields.word("input").orElse(MoeLayer.NONE),
                new OracleTable.InputRule(
                        fields.flag("input-from-backend").orElse(false),
                        fields.flag("filter-by-input").orElse(false),
                        Set.copyOf(known(fields, fields.words("filter-exempt")))),
                names,
                Set.copyOf(fields.words("auto-names")),
                Set.copyOf(fields.words("batched-names")),
                fields.flag("ignores-request").orElse(false),
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
                        fields.requiredWord("unsupported"),
                        fields.requiredWord("exhausted"),
                        kind(fields, "exhausted-error", EngineError.NOT_IMPLEMENTED_ERROR)));
    }

    private Backend backend(String name, Fields entry) {
        List<String> own = entry.words("experts");
        List<String> lora = entry.words("lora-experts");
        own.forEach(expert -> knownExperts(entry, expert));
        lora.forEach(expert -> knownExperts(entry, expert));
        return new Backend(
                name,
                entry.word("display").orElse(name),
                own,
                lora,
                entry.word("batched"),
                entry.word("input").orElse(MoeLayer.NONE),
                entry.word("input-scales")
                        .map(word -> Entries.meaning(entry, "input-scales", word, InputScales::of))
                        .orElse(InputScales.LAYER_MAXIMUM),
                entry.each("refuse", this::refuse));
    }

    private ExpertClass.Check refuse(Fields entry) {
        return new ExpertClass.Check(
                new Condition.Not(conditions.required(entry, "when")), entry.requiredWord("reason"));
    }

    private OracleTable.Priority priority(Fields entry) {
        return new OracleTable.Priority(conditions.optional(entry, "when"), known(entry, entry.words("order")));
    }

    private OracleTable.Reorder reorder(Fields entry) {
        return new OracleTable.Reorder(
                conditions.optional(entry, "when"),
                known(entry, entry.words("to-front")),
                known(entry, entry.words("to-back")));
    }

    private OracleTable.Restriction restriction(Fields entry) {
        return new OracleTable.Restriction(
                conditions.optional(entry, "when"),
                known(entry, entry.words("drop")),
                entry.requiredWord("reason"),
                entry.requiredWord("message"),
                entry.word("environment-message"));
    }

    private OracleTable.VariableRule variableRule(Fields entry) {
        Map<String, Boolean> flags = new LinkedHashMap<>();
        Fields written = Fields.of(entry.path("flags"), entry.required("flags"));
        written.entries().forEach((name, value) -> {
            conditions.readsVariable(name);
            flags.put(name, Values.flag(written.path(name), value));
        });
        Condition offWhen = entry.node("off-when").isPresent()
                ? conditions.required(entry, "off-when")
                : new Condition.Not(Condition.ALWAYS);
        return new OracleTable.VariableRule(
                flags, offWhen, entry.each("off", this::guarded), entry.each("on", this::guarded));
    }

    private Guarded guarded(Fields entry) {
        return new Guarded(
                conditions.optional(entry, "when"), entry.flag("engine-only").orElse(false), effect(entry));
    }

    private Effect effect(Fields entry) {
        Optional<Effect> found = entry.node("drop")
                .<Effect>map(node -> new Effect.Drop(known(entry, entry.words("drop"))))
                .or(() -> entry.word("force").map(name -> force(entry, name)))
                .or(() -> entry.node("try")
                        .map(node -> new Effect.Try(known(entry, entry.words("try")), entry.requiredWord("message"))))
                .or(() -> entry.word("refuse")
                        .map(message -> new Effect.Refuse(kind(entry, "error", EngineError.VALUE_ERROR), message)))
                .or(() -> entry.word("platform-handles").map(Effect.PlatformHandles::new))
                .or(() -> entry.word("take").map(name -> take(entry, name)))
                .or(() -> entry.word("by").map(variable -> byValue(entry, variable)));
        return found.orElseThrow(() -> new CatalogueException(entry.at(), "a rule without an effect"));
    }

    private Effect force(Fields entry, String backend) {
        String batched = entry.word("batched").orElse(backend);
        known(entry, List.of(backend, batched));
        return new Effect.Force(backend, batched);
    }

    private Effect take(Fields entry, String backend) {
        known(entry, List.of(backend));
        String expert = entry.requiredWord("experts");
        knownExperts(entry, expert);
        return new Effect.Take(backend, expert, entry.flag("if-supported").orElse(false));
    }

    private Effect byValue(Fields entry, String variable) {
        conditions.readsVariable(variable);
        SequencedMap<String, List<Guarded>> values = new LinkedHashMap<>();
        Fields written = Fields.of(entry.path("values"), entry.required("values"));
        written.entries().keySet().forEach(value -> values.put(value, written.each(value, this::guarded)));
        return new Effect.ByValue(variable, values, entry.each("unset", this::guarded));
    }

    private OracleTable.Rounding rounding(Fields entry) {
        return new OracleTable.Rounding(
                known(entry, entry.words("backends")),
                conditions.optional(entry, "when"),
                size(entry, "hidden"),
                size(entry, "intermediate"));
    }

    private static int size(Fields entry, String key) {
        return (int) Values.integer(entry.path(key), entry.required(key), 1, Integer.MAX_VALUE);
    }

    private static EngineError kind(Fields entry, String key, EngineError otherwise) {
        Optional<String> word = entry.word(key);
        if (word.isEmpty()) {
            return otherwise;
        }
        for (EngineError kind : EngineError.values()) {
            if (kind.label().equals(word.get())) {
                return kind;
            }
        }
        throw new CatalogueException(entry.at(), "%s: unknown error '%s'".formatted(key, word.get()));
    }

    private List<String> known(Fields entry, List<String> names) {
        for (String name : names) {
            if (!backends.containsKey(name)) {
                throw new CatalogueException(
                        entry.at(), "backend '%s' is not one of %s".formatted(name, backends.keySet()));
            }
        }
        return names;
    }

    private void knownExperts(Fields entry, String name) {
        if (!experts.contains(name)) {
            throw new CatalogueException(entry.at(), "expert class '%s' is not defined".formatted(name));
        }
    }
}
