package io.github.steelyard.blueprint;

import io.github.steelyard.blueprint.Blueprint.Choice;
import io.github.steelyard.blueprint.Blueprint.HeadNorm;
import io.github.steelyard.blueprint.Blueprint.Stored;
import io.github.steelyard.yaml.Fields;
import io.github.steelyard.yaml.Node;
import io.github.steelyard.yaml.Values;
import io.github.steelyard.yaml.YamlException;
import io.github.steelyard.yaml.YamlFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Pattern;

/// Reads a [Blueprint] from YAML; `docs/MODELS.md` has the keys.
final class BlueprintReader {

    private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z0-9_]+)*");
    private static final Pattern NUMBER = Pattern.compile("-?[0-9].*");
    private static final List<String> USUAL = List.of("gate_proj", "up_proj", "down_proj");

    private BlueprintReader() {}

    static Blueprint read(Path name, String text) {
        YamlFile file = YamlFile.parse(name, text);
        try (Fields fields = Fields.of("", file.document("a model family"))) {
            List<String> types = fields.words("types");
            if (types.isEmpty()) {
                throw new YamlException(fields.at(), "types: expected the values of model_type that this is about");
            }
            return new Blueprint(
                    name.toString(),
                    text,
                    types,
                    fields.text("root").orElse("language_model.model"),
                    fields.words("needs"),
                    known(fields),
                    within(fields, "attention", BlueprintReader::heads),
                    number(fields, "dense", Optional.empty()).orElse(key("intermediate_size")),
                    within(fields, "sparse", BlueprintReader::sparse),
                    within(fields, "moe", BlueprintReader::moe));
        }
    }

    private static Map<String, List<String>> known(Fields fields) {
        Map<String, List<String>> known = new TreeMap<>();
        fields.mapping("known")
                .ifPresent(all ->
                        all.entries().forEach((key, node) -> known.put(key, Values.words(all.path(key), node))));
        known.forEach((key, values) -> {
            if (values.isEmpty()) {
                throw new YamlException(fields.at(), "known.%s: expected at least one value".formatted(key));
            }
        });
        return known;
    }

    private static <T> T within(Fields fields, String key, Function<Fields, T> reader) {
        Fields inner = fields.mapping(key).orElseGet(() -> Fields.empty(fields.path(key), fields.at()));
        try (inner) {
            return reader.apply(inner);
        }
    }

    private static Blueprint.Heads heads(Fields fields) {
        List<String> names = fields.words("norm_names");
        if (!names.isEmpty() && names.size() != 2) {
            throw fields.wrong("norm_names", fields.required("norm_names"), "the names for queries and for keys");
        }
        return new Blueprint.Heads(
                flag(fields, "bias").orElse(new Switch(Optional.of("attention_bias"), false)),
                flag(fields, "output_bias").orElse(new Switch(Optional.of("attention_bias"), false)),
                fields.choice("norm", HeadNorm.values()).orElse(HeadNorm.NONE),
                flag(fields, "normed").orElse(Switch.fixed(true)),
                names.isEmpty() ? List.of("q_norm", "k_norm") : names,
                fields.text("clip"),
                fields.text("window"),
                fields.flag("windows").orElse(false),
                within(fields, "rotary", BlueprintReader::rotation));
    }

    private static Blueprint.Rotation rotation(Fields fields) {
        return new Blueprint.Rotation(
                fields.number("theta", 2, 1e12, 10_000),
                fields.number("partial", 0, 1, 1),
                fields.text("dimensions"),
                fields.flag("interleaved").orElse(false));
    }

    private static Blueprint.Sparse sparse(Fields fields) {
        return new Blueprint.Sparse(
                number(fields, "first", Optional.of(0.0)).orElseThrow(),
                number(fields, "last", Optional.of((double) Integer.MAX_VALUE)).orElseThrow(),
                number(fields, "every", Optional.of(1.0)).orElseThrow(),
                fields.flag("counted").orElse(false),
                fields.text("dense"),
                fields.text("types"));
    }

    private static Blueprint.Moe moe(Fields fields) {
        Choice choice = fields.choice("choice", Choice.values()).orElse(Choice.SOFTMAX);
        Optional<String> correction = name(fields, "correction");
        boolean corrects = choice == Choice.SIGMOID || choice == Choice.CORRECTED_SOFTMAX;
        if (correction.isPresent() && !corrects) {
            throw fields.wrong("correction", fields.required("correction"), "none, since choice is without");
        }
        List<String> projections = fields.words("projections");
        if (!projections.isEmpty() && projections.size() != 3) {
            throw fields.wrong("projections", fields.required("projections"), "the names of gate, up and down");
        }
        return new Blueprint.Moe(
                name(fields, "name").orElse("mlp"),
                name(fields, "router").orElse("gate"),
                choice,
                correction,
                fields.flag("correction_row").orElse(false),
                number(fields, "floor", Optional.of(0.0)).orElseThrow(),
                flag(fields, "renormalise").orElse(Switch.fixed(true)),
                number(fields, "scale", Optional.of(1.0)).orElseThrow(),
                number(fields, "groups", Optional.of(1.0)).orElseThrow(),
                number(fields, "kept_groups", Optional.of(1.0)).orElseThrow(),
                fields.text("count").orElse("num_experts"),
                fields.text("chosen").orElse("num_experts_per_tok"),
                number(fields, "inner", Optional.empty()).orElse(key("moe_intermediate_size")),
                projections.isEmpty() ? USUAL : projections,
                fields.choice("stored", Stored.values()).orElse(Stored.SINGLE),
                fields.node("shared").map(node -> within(fields, "shared", BlueprintReader::shared)));
    }

    private static Blueprint.Shared shared(Fields fields) {
        return new Blueprint.Shared(
                name(fields, "name").orElse("shared_experts"),
                number(fields, "inner", Optional.empty()).orElse(key("moe_intermediate_size")),
                name(fields, "gate"));
    }

    private static Optional<String> name(Fields fields, String key) {
        Optional<String> name = fields.text(key);
        if (name.isPresent() && !NAME.matcher(name.get()).matches()) {
            throw fields.wrong(key, fields.required(key), "the name of a module");
        }
        return name;
    }

    private static Setting key(String key) {
        return new Setting(List.of(key), OptionalDouble.empty());
    }

    /// A number, a key, a list of keys whose product it is, or a mapping of `key` and what holds where it is `absent`.
    private static Optional<Setting> number(Fields fields, String key, Optional<Double> otherwise) {
        Optional<Setting> written = fields.node(key).map(node -> switch (node) {
            case Node.Mapping mapping -> {
                try (Fields inner = Fields.of(fields.path(key), node)) {
                    yield new Setting(
                            inner.words("key"),
                            OptionalDouble.of(
                                    inner.number("absent").orElseThrow(() -> inner.wrong("absent", node, "a number"))));
                }
            }
            case Node.Sequence list -> new Setting(Values.words(fields.path(key), node), OptionalDouble.empty());
            case Node.Scalar scalar -> {
                String word = Values.word(fields.path(key), node);
                yield NUMBER.matcher(word).matches() ? Setting.fixed(Values.number(fields.path(key), node)) : key(word);
            }
        });
        return written.or(() -> otherwise.map(Setting::fixed));
    }

    /// True, false, a key that a config may lack where that means no, or a mapping of `key` and what it means `absent`.
    private static Optional<Switch> flag(Fields fields, String key) {
        return fields.node(key).map(node -> {
            if (node instanceof Node.Mapping) {
                try (Fields inner = Fields.of(fields.path(key), node)) {
                    return new Switch(
                            Optional.of(inner.requiredWord("key")),
                            inner.flag("absent").orElse(false));
                }
            }
            String word = Values.word(fields.path(key), node);
            boolean fixed = word.equals("true") || word.equals("false");
            return fixed ? Switch.fixed(word.equals("true")) : new Switch(Optional.of(word), false);
        });
    }
}
