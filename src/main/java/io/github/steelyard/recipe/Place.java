package io.github.steelyard.recipe;

import java.util.stream.Stream;

/// What a place in a recipe may hold, by ModelOpt's schema names.
enum Place {
    ANY("", "", ""),
    METADATA("metadata", "RecipeMetadataConfig", ""),
    QUANTIZE("quantize", "QuantizeConfig", ""),
    RULES("quant_cfg", "QuantizerCfgListConfig", "QuantizerCfgEntry"),
    RULE("", "QuantizerCfgEntry", ""),
    ATTRIBUTES("cfg", "QuantizerAttributeConfig", "QuantizerAttributeConfig");

    private final String key;
    private final String schema;
    private final String element;

    Place(String key, String schema, String element) {
        this.key = key;
        this.schema = schema;
        this.element = element;
    }

    /// Returns the key under which such a place is found, empty if there is none.
    String key() {
        return key;
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
        return Stream.of(values())
                .filter(place -> !key.isEmpty() && place.key.equals(key))
                .findFirst()
                .orElse(ANY);
    }

    /// Returns the place of an item of a list here.
    Place ofItem() {
        return switch (this) {
            case RULES -> RULE;
            case ATTRIBUTES -> ATTRIBUTES;
            case ANY, METADATA, QUANTIZE, RULE -> ANY;
        };
    }
}
