package io.github.steelyard.oracle;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.catalogue.Catalogues;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Compares what cases expect with what the runner answers.
final class CaseAgreement {

    private CaseAgreement() {}

    /// Returns a line for each case whose answer is not the expected one; it starts with the case's name.
    static List<String> faults(List<SelectionCase> cases, boolean strict) {
        CaseRunner runner = new CaseRunner(Catalogues.bundled(), "vllm", strict);
        List<String> faults = new ArrayList<>();
        for (SelectionCase each : cases) {
            ObjectNode result = runner.run(each);
            if (!each.expected().properties().stream().allMatch(entry -> agrees(entry, result))) {
                faults.add("%s: expected %s, found %s".formatted(each.id(), each.expected(), result));
            }
        }
        return faults;
    }

    private static boolean agrees(Map.Entry<String, JsonNode> expected, ObjectNode result) {
        JsonNode wanted = expected.getValue();
        return switch (expected.getKey()) {
            case "reason_contains" -> result.path("reason").asText().contains(wanted.asText());
            case "incompatible_reason_contains" ->
                result.path("incompatible_reason").asText().contains(wanted.asText());
            case "experts" ->
                wanted.asText().equals("any") || result.path("experts").equals(wanted);
            case String key -> result.path(key).equals(wanted);
        };
    }
}
