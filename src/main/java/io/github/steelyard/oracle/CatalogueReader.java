package io.github.steelyard.oracle;

import io.github.steelyard.checkpoint.FileProblem;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Reads a catalogue file strictly: an unknown key, an undefined name or a reference to nothing is an error with its
/// line.
final class CatalogueReader {

    private static final String SCHEMA = "steelyard/serving-catalogue/v1";
    private static final List<String> EXCHANGES = List.of("dp", "pcp", "sp");
    private static final long MAX_BYTES = 4L << 20;

    private final String file;
    private final ConditionReader conditions;
    private final Map<String, List<String>> activationSets;

    private CatalogueReader(String file, Map<String, List<String>> activationSets) {
        this.file = file;
        this.conditions = new ConditionReader(file);
        this.activationSets = activationSets;
    }

    static Catalogue read(Path path) {
        try {
            if (Files.size(path) > MAX_BYTES) {
                throw new CatalogueException(
                        path.toString(), 0, String.format(Locale.ROOT, "larger than %d bytes", MAX_BYTES));
            }
            return read(path.toString(), Files.readString(path));
        } catch (IOException e) {
            throw new CatalogueException(path.toString(), 0, "cannot be read: " + FileProblem.reason(path, e));
        }
    }

    static Catalogue read(String file, byte[] bytes) {
        return read(file, new String(bytes, StandardCharsets.UTF_8));
    }

    static Catalogue read(String file, String text) {
        YamlFields top = YamlFields.of(file, YamlReader.read(file, text));
        String schema = top.text("schema");
        if (!schema.equals(SCHEMA)) {
            throw top.fault(top.line(), "schema: expected '%s', found '%s'".formatted(SCHEMA, schema));
        }
        CatalogueReader reader = new CatalogueReader(file, top.textListMap("activation-sets"));
        Catalogue catalogue = reader.catalogue(top);
        top.end();
        return catalogue;
    }

    private Catalogue catalogue(YamlFields top) {
        Catalogue.Identity identity = new Catalogue.Identity(
                top.text("engine"), top.text("snapshot"), Set.copyOf(top.texts("aliases")), top.optionalText("commit"));
        Optional<Catalogue.Option> option = top.optionalFields("backend-option").map(CatalogueReader::option);
        Catalogue.Settings settings = new Catalogue.Settings(
                Set.copyOf(top.texts("batched-all2all")),
                top.textMap("all2all-aliases"),
                exchangeAcross(top),
                top.optionalText("batch-invariant-variable").orElse(""),
                Set.copyOf(top.texts("static-inputs")),
                top.textListMap("assumed-libraries"));
        top.optionalFields("conditions").ifPresent(map -> map.entries().forEach(conditions::define));
        Map<String, ExpertClass> experts = experts(YamlFields.of(file, top.node("experts")));
        List<OracleTable> tables = tables(YamlFields.of(file, top.node("oracles")), experts.keySet());
        Catalogue.Variables variables = new Catalogue.Variables(
                top.textMap("retired-variables"), top.textMap("deprecated-variables"), conditions.variables());
        return new Catalogue(identity, option, settings, variables, experts, tables);
    }

    private static Catalogue.Option option(YamlFields fields) {
        Catalogue.Option option = new Catalogue.Option(fields.text("name"), fields.texts("values"));
        fields.end();
        return option;
    }

    private static Set<String> exchangeAcross(YamlFields top) {
        Set<String> kinds = new TreeSet<>(top.texts("exchange-across"));
        if (!EXCHANGES.containsAll(kinds)) {
            throw top.fault(top.line(), "exchange-across: expected some of %s, found %s".formatted(EXCHANGES, kinds));
        }
        return kinds;
    }

    private Map<String, ExpertClass> experts(YamlFields fields) {
        Map<String, ExpertClass> experts = new LinkedHashMap<>();
        fields.eachEntry((name, entry) -> experts.put(name, expert(name, entry)));
        for (ExpertClass expert : experts.values()) {
            for (String other : expert.both()) {
                if (!experts.containsKey(other)) {
                    throw fields.fault(
                            fields.line(), "%s: expert class '%s' is not defined".formatted(expert.name(), other));
                }
            }
        }
        return experts;
    }

    private ExpertClass expert(String key, YamlFields fields) {
        String format = fields.optionalText("format").orElse("standard");
        if (!format.equals("standard") && !format.equals("batched")) {
            throw fields.fault(fields.line(), "format: expected standard or batched, found '%s'".formatted(format));
        }
        ExpertClass expert = new ExpertClass(
                fields.optionalText("name").orElse(key),
                fields.texts("both"),
                conditions.optional(fields, "device"),
                fields.flag("non-gated", false),
                Set.copyOf(activations(fields, "activations")),
                fields.each("activations-when", this::furtherActivations),
                fields.each("schemes", this::scheme),
                conditions.optional(fields, "parallel"),
                conditions.optional(fields, "routing"),
                conditions.optional(fields, "logits"),
                conditions.optional(fields, "shape"),
                format.equals("batched"),
                fields.flag("monolithic", false),
                fields.flag("batch-invariant", false),
                fields.flag("lora", false),
                fields.each("before", this::require),
                fields.each("after", this::require),
                fields.each("hints", this::hint),
                fields.each("w2-input", this::w2Rule));
        fields.end();
        return expert;
    }

    private List<String> activations(YamlFields fields, String key) {
        List<String> names = new ArrayList<>();
        fields.texts(key).forEach(name -> names.addAll(activationSets.getOrDefault(name, List.of(name))));
        return new ArrayList<>(new HashSet<>(names));
    }

    private ExpertClass.FurtherActivations furtherActivations(YamlFields fields) {
        ExpertClass.FurtherActivations further = new ExpertClass.FurtherActivations(
                Set.copyOf(activations(fields, "activations")), conditions.read(fields.node("when")));
        fields.end();
        return further;
    }

    private ExpertClass.Scheme scheme(YamlFields fields) {
        ExpertClass.Scheme scheme = new ExpertClass.Scheme(
                fields.texts("weight"), fields.texts("input"), conditions.optional(fields, "when"));
        fields.end();
        return scheme;
    }

    private ExpertClass.Check require(YamlFields fields) {
        ExpertClass.Check check = new ExpertClass.Check(conditions.read(fields.node("require")), fields.text("reason"));
        fields.end();
        return check;
    }

    private ExpertClass.Hint hint(YamlFields fields) {
        ExpertClass.Hint hint = new ExpertClass.Hint(conditions.read(fields.node("when")), fields.text("text"));
        fields.end();
        return hint;
    }

    private ExpertClass.W2Rule w2Rule(YamlFields fields) {
        Visibility.Degree degree = fields.word("visibility", fields.text("visibility"), Visibility.Degree::of);
        ExpertClass.W2Rule rule = new ExpertClass.W2Rule(
                conditions.optional(fields, "when"),
                new Visibility(degree, fields.optionalText("why").orElse("")));
        fields.end();
        return rule;
    }

    private List<OracleTable> tables(YamlFields fields, Set<String> experts) {
        List<OracleTable> tables = new ArrayList<>();
        fields.eachEntry((name, entry) -> tables.addAll(new TableReader(conditions, experts, entry).tables(name)));
        return tables;
    }
}
