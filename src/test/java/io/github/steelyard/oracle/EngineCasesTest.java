package io.github.steelyard.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.testing.Shared;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// The cases read off the engine's source and its own tests.
final class EngineCasesTest {

    private static final String CASES = "conformance/backend-cases.json";

    /// Cases in which we deliberately differ from the engine; `docs/ODDITIES.md` gives the reasons.
    private static final Set<String> DELIBERATE = Set.of("U028");

    @Test
    void run_strict_reproducesEveryCase() {
        List<String> faults = faults(true);

        assertThat(faults).isEmpty();
    }

    @Test
    void run_notStrict_differsOnlyWhereMeant() {
        List<String> faults = faults(false);

        assertThat(faults).extracting(fault -> fault.substring(0, 4)).containsExactlyInAnyOrderElementsOf(DELIBERATE);
    }

    @Test
    void run_everyCase_readsEveryInput() {
        for (SelectionCase each : CaseFile.read(Shared.path(CASES))) {
            ObjectNode result = new CaseRunner(Catalogues.bundled(), "vllm", true).run(each);
            boolean partial =
                    !each.expected().has("backend") && !each.expected().has("error");

            if (!partial) {
                assertThat(result.path("warning").asText()).as(each.id()).isEmpty();
            }
        }
    }

    private static List<String> faults(boolean strict) {
        CaseRunner runner = new CaseRunner(Catalogues.bundled(), "vllm", strict);
        List<SelectionCase> cases = CaseFile.read(Shared.path(CASES));
        assertThat(cases).hasSize(110);
        List<String> faults = new ArrayList<>();
        for (SelectionCase each : cases) {
            ObjectNode result = runner.run(each);
            if (!agrees(each.expected(), result)) {
                faults.add("%s: expected %s, found %s".formatted(each.id(), each.expected(), result));
            }
        }
        return faults;
    }

    private static boolean agrees(JsonNode expected, ObjectNode result) {
        return expected.properties().stream().allMatch(entry -> agrees(entry, result));
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
