package io.github.steelyard.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.catalogue.Catalogues;
import io.github.steelyard.testing.Shared;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// The cases read off the engine's source and its own tests, and the rules that those cases leave out.
final class EngineCasesTest {

    private static final String CASES = "conformance/backend-cases.json";

    /// One case for each rule that the given cases leave out. The answers are those of the selection functions of the
    /// engine at the two commits (sources VLLM and VLLM-SEED), run with everything but the functions replaced.
    private static final Path RULES = Path.of("src/test/resources/oracle/engine-rules.json");

    /// Cases in which we deliberately differ from the engine; `docs/ODDITIES.md` gives the reasons.
    private static final Set<String> DELIBERATE = Set.of("U028");

    private static List<SelectionCase> given() {
        List<SelectionCase> cases = CaseFile.read(Shared.path(CASES));
        assertThat(cases).hasSize(110);
        return cases;
    }

    @Test
    void run_strict_reproducesEveryCase() {
        assertThat(CaseAgreement.faults(given(), true)).isEmpty();
    }

    @Test
    void run_notStrict_differsOnlyWhereMeant() {
        assertThat(CaseAgreement.faults(given(), false))
                .extracting(fault -> fault.substring(0, 4))
                .containsExactlyInAnyOrderElementsOf(DELIBERATE);
    }

    @Test
    void run_rulesThatNoGivenCaseCovers_answersAsTheEngine() {
        assertThat(CaseAgreement.faults(CaseFile.read(RULES), true)).isEmpty();
    }

    @Test
    void run_rulesNotStrict_differsOnlyForLora() {
        assertThat(CaseAgreement.faults(CaseFile.read(RULES), false))
                .extracting(fault -> fault.substring(0, fault.indexOf(':')))
                .containsExactlyInAnyOrder("bf16-lora-named", "bf16-lora-batched");
    }

    @Test
    void run_everyCase_readsEveryInput() {
        for (SelectionCase each : given()) {
            ObjectNode result = new CaseRunner(Catalogues.bundled(), "vllm", true).run(each);
            boolean partial =
                    !each.expected().has("backend") && !each.expected().has("error");

            if (!partial) {
                assertThat(result.path("warning").asText()).as(each.id()).isEmpty();
            }
        }
    }
}
