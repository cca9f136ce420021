package io.github.steelyard.recipe;

import java.util.stream.Stream;

/// What a place in a recipe may hold, by ModelOpt's schema names.
enum Place {
    ANY("", ""),
    QUANTIZE("QuantizeConfig", ""),
    RULES("QuantizerCfgListConfig", "QuantizerCfgEntry"),
    RULE("QuantizerCfgEntry", ""),
    ATTRIBUTES("QuantizerAttributeConfig", "QuantizerAttributeConfig");

    private final String schema;
    private final String element;

    Place(String schema, String element) {
        this.schema = schema;
        this.element = element;
    }

    /// Returns the place that a file of this schema is written for.
    static Place declared(String schema) {
        return Stream.of(values())
                .filter(place -> place.schema.equals(schema))
                .findFirst()
                .orElse(ANY);
    }

    /// Returns the schema of what belongs here, empty if anything does.
    String schema() {
        return schema;
    }

    /// Returns the schema of the items of a list here, empty if it may be any, or if this is no list.
    String element() {
        return element;
    }

    /// Returns the place under `key` of a mapping here.
    Place of(String key) {
        return switch (key) {
            case "quantize" -> QUANTIZE;
            case "quant_cfg" -> RULES;
            case "cfg" -> ATTRIBUTES;
            default -> ANY;
        };
    }

    /// Returns the place of an item of a list here.
    Place ofItem() {
        return switch (this) {
            case RULES -> RULE;
            case ATTRIBUTES -> ATTRIBUTES;
            case ANY, QUANTIZE, RULE -> ANY;
        };
    }
}
