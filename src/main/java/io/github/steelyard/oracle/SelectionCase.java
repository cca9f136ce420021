package io.github.steelyard.oracle;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.catalogue.CatalogueException;

/// One case of a case file.
///
/// @param file the file it is from
/// @param id its name
/// @param format the weight format, or `modelopt_mixed_resolve`
/// @param snapshot the engine's snapshot: a date or an alias; `head` when the case names none
/// @param inputs its inputs over the file's defaults
/// @param mocks checks that the case takes as given
/// @param expected what it expects; empty when the file is only a batch of questions
record SelectionCase(
        String file, String id, String format, String snapshot, ObjectNode inputs, JsonNode mocks, JsonNode expected) {

    /// Returns the exception that says what is wrong with this case.
    CatalogueException fault(String what) {
        return new CatalogueException(file, 0, "%s: %s".formatted(id, what));
    }
}
