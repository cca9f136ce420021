package io.github.steelyard.catalogue;

import io.github.steelyard.yaml.Fields;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Node.Mapping;
import io.github.steelyard.yaml.Node.Scalar;
import io.github.steelyard.yaml.Node.Sequence;
import io.github.steelyard.yaml.Values;
import io.github.steelyard.yaml.YamlException;
import io.github.steelyard.yaml.YamlFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;

/// Reads a catalogue file strictly: an unknown key, an undefined name or a reference to nothing is an error with its
/// line.
final class CatalogueReader {

    private static final String SCHEMA = "steelyard/serving-catalogue/v1";
    private static final List<String> EXCHANGES = List.of("dp", "pcp", "sp");

    private final ConditionReader conditions = new ConditionReader();
    private final Map<String, List<String>> activationSets;

    private CatalogueReader(Map<String, List<String>> activationSets) {
        this.activationSets = activationSets;
    }

    static Catalogue read(Path path) {
        return read(() -> YamlFile.read(path, "a catalogue"));
    }

    static Catalogue read(String file, String text) {
        return read(() -> YamlFile.parse(Path.of(file), text));
    }

    private static Catalogue read(Supplier<YamlFile> file) {
        try {
            return catalogue(file.get().document("a catalogue"));
        } catch (YamlException e) {
            throw new CatalogueException(e);
        }
    }

    private static Catalogue catalogue(Node root) {
        refuseNothing(root);
        try (Fields top = Fields.of("", root)) {
            String schema = top.requiredWord("schema");
            if (!schema.equals(SCHEMA)) {
                throw new CatalogueException(top.at(), "schema: expected '%s', found '%s'".formatted(SCHEMA, schema));
            }
            return new CatalogueReader(Entries.lists(top, "activation-sets")).catalogue(top);
        }
    }

    /// A key without a value has surprised somebody; a catalogue needs none.
    private static void refuseNothing(Node node) {
        switch (node) {
            case Scalar scalar -> {
                if (Values.isNull(scalar)) {
                    throw new CatalogueException(scalar.at(), "empty value");
                }
            }
            case Sequence list -> list.items().forEach(CatalogueReader::refuseNothing);
            case Mapping mapping -> mapping.entries().values().forEach(entry -> refuseNothing(entry.value()));
        }
    }

    private Catalogue catalogue(Fields top) {
        Catalogue.Identity identity = new Catalogue.Identity(
                top.requiredWord("engine"),
                top.requiredWord("snapshot"),
                Set.copyOf(top.words("aliases")),
                top.word("commit"));
        Optional<Catalogue.Option> option = top.mapping("backend-option").map(CatalogueReader::option);
        Catalogue.Settings settings = new Catalogue.Settings(
                Set.copyOf(top.words("batched-all2all")),
                Entries.words(top, "all2all-aliases"),
                exchangeAcross(top),
                top.word("batch-invariant-variable").orElse(""),
                Set.copyOf(top.words("static-inputs")),
                Entries.lists(top, "assumed-libraries"));
        top.mapping("conditions")
                .ifPresent(map -> map.entries().forEach((name, node) -> conditions.define(map.path(name), name, node)));
        Map<String, ExpertClass> experts = experts(Fields.of("experts", top.required("experts")));
        List<OracleTable> tables = tables(Fields.of("oracles", top.required("oracles")), experts.keySet());
        Catalogue.Variables variables = new Catalogue.Variables(
                Entries.words(top, "retired-variables"),
                Entries.words(top, "deprecated-variables"),
                conditions.variables());
        return new Catalogue(identity, option, settings, variables, experts, tables);
    }

    private static Catalogue.Option option(Fields fields) {
        try (fields) {
            return new Catalogue.Option(fields.requiredWord("name"), fields.words("values"));
        }
    }

    private static Set<String> exchangeAcross(Fields top) {
        Set<String> kinds = new TreeSet<>(top.words("exchange-across"));
        if (!EXCHANGES.containsAll(kinds)) {
            throw new CatalogueException(
                    top.at(), "exchange-across: expected some of %s, found %s".formatted(EXCHANGES, kinds));
        }
        return kinds;
    }

    private Map<String, ExpertClass> experts(Fields fields) {
        Map<String, ExpertClass> experts = new LinkedHashMap<>();
        Entries.each(fields, (name, entry) -> experts.put(name, expert(name, entry)));
        for (ExpertClass expert : experts.values()) {
            for (String other : expert.both()) {
                if (!experts.containsKey(other)) {
                    throw new CatalogueException(
                            fields.at(), "%s: expert class '%s' is not defined".formatted(expert.name(), other));
                }
            }
        }
        return experts;
    }

    private ExpertClass expert(String key, Fields fields) {
        String format = fields.word("format").orElse("standard");
        if (!format.equals("standard") && !format.equals("batched")) {
            throw new CatalogueException(
                    fields.at(), "format: expected standard or batched, found '%s'".formatted(format));
        }
        return new ExpertClass(
                fields.word("name").orElse(key),
                fields.words("both"),
                conditions.optional(fields, "device"),
                fields.flag("non-gated").orElse(false),
                Set.copyOf(activations(fields, "activations")),
                fields.each("activations-when", this::furtherActivations),
                fields.each("schemes", this::scheme),
                conditions.optional(fields, "parallel"),
                conditions.optional(fields, "routing"),
                conditions.optional(fields, "logits"),
                conditions.optional(fields, "shape"),
                format.equals("batched"),
                fields.flag("monolithic").orElse(false),
                fields.flag("batch-invariant").orElse(false),
                fields.flag("lora").orElse(false),
                fields.each("before", this::require),
                fields.each("after", this::require),
                fields.each("hints", this::hint),
                fields.each("w2-input", this::w2Rule));
    }

    private List<String> activations(Fields fields, String key) {
        List<String> names = new ArrayList<>();
        fields.words(key).forEach(name -> names.addAll(activationSets.getOrDefault(name, List.of(name))));
        return new ArrayList<>(new HashSet<>(names));
    }

    private ExpertClass.FurtherActivations furtherActivations(Fields fields) {
        return new ExpertClass.FurtherActivations(
                Set.copyOf(activations(fields, "activations")), conditions.required(fields, "when"));
    }

    private ExpertClass.Scheme scheme(Fields fields) {
        return new ExpertClass.Scheme(
                fields.words("weight"), fields.words("input"), conditions.optional(fields, "when"));
    }

    private ExpertClass.Check require(Fields fields) {
        return new ExpertClass.Check(conditions.required(fields, "require"), fields.requiredWord("reason"));
    }

    private ExpertClass.Hint hint(Fields fields) {
        return new ExpertClass.Hint(conditions.required(fields, "when"), fields.requiredWord("text"));
    }

    private ExpertClass.W2Rule w2Rule(Fields fields) {
        Visibility.Degree degree =
                Entries.meaning(fields, "visibility", fields.requiredWord("visibility"), Visibility.Degree::of);
        return new ExpertClass.W2Rule(
                conditions.optional(fields, "when"),
                new Visibility(degree, fields.word("why").orElse("")));
    }

    private List<OracleTable> tables(Fields fields, Set<String> experts) {
        List<OracleTable> tables = new ArrayList<>();
        Entries.each(fields, (name, entry) -> tables.addAll(new TableReader(conditions, experts, entry).tables(name)));
        return tables;
    }
}
