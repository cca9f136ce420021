package io.github.steelyard.catalogue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.steelyard.oracle.Decision;
import io.github.steelyard.oracle.FakeQuantLaunch;
import io.github.steelyard.oracle.Layers;
import io.github.steelyard.oracle.Oracle;
import io.github.steelyard.oracle.Selection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class CatalogueReaderTest {

    private static final String SMALL = """
            schema: steelyard/serving-catalogue/v1
            engine: small
            snapshot: "1"
            experts:
              Plain:
                device: {platform: cuda}
                activations: [silu]
                schemes: [{weight: none, input: none}]
                w2-input: [{visibility: hidden, why: it is small}]
            oracles:
              unquantized:
                label: unquantized MoE
                names: {plain: [PLAIN]}
                backends:
                  PLAIN: {experts: [Plain]}
                priority: [{order: [PLAIN]}]
                visible: [plain]
                unsupported: "{backend}: {reason}"
                exhausted: nothing left
            """;

    @Test
    void read_smallCatalogue_selects() {
        Oracle oracle = new Oracle(CatalogueReader.read("small.yaml", SMALL));

        Decision decision = oracle.select(SelectionRequest.of(Layers.bf16("silu"), Layers.sm(90)));

        assertThat(decision)
                .isInstanceOfSatisfying(
                        Selection.class,
                        selection -> assertThat(selection.w2Input().label()).isEqualTo("hidden (it is small)"));
    }

    @Test
    void read_entryLikeAnother_hasWhatItLeavesOut() {
        String rows = SMALL.replace("oracles:", "  Rows:\n    like: Plain\n    device: {platform: cpu}\noracles:")
                .replace("experts: [Plain]", "experts: [Plain, Rows]");
        Oracle oracle = new Oracle(CatalogueReader.read("small.yaml", rows));

        Decision decision = oracle.select(SelectionRequest.of(Layers.bf16("silu"), Device.of("cpu", Set.of())));

        assertThat(decision).isInstanceOfSatisfying(Selection.class, selection -> {
            assertThat(selection.experts()).contains("Rows");
            assertThat(selection.w2Input().label()).isEqualTo("hidden (it is small)");
        });
    }

    @Test
    void plan_engineWithoutTheOption_emitsNoFlag() {
        Oracle oracle = new Oracle(CatalogueReader.read("small.yaml", SMALL));

        FakeQuantLaunch launch = FakeQuantLaunch.plan(
                oracle, List.of(SelectionRequest.of(Layers.bf16("silu"), Layers.sm(90))), Set.of());

        assertThat(launch.flags()).isEmpty();
        assertThat(launch.advice()).last().isEqualTo("small@1 has no option that asks for a backend");
    }

    static Stream<Arguments> faults() {
        return Stream.of(
                fault(
                        "engine: small",
                        "engine: small\nspeed: 3",
                        "small.yaml:3:1: unknown key 'speed'; known are activation-sets, aliases,"),
                fault("schema: steelyard/serving-catalogue/v1", "schema: other", "expected 'steelyard/serving-"),
                fault("{platform: cuda}", "{plattform: cuda}", "small.yaml:6: unknown word 'plattform' in a condition"),
                fault("{platform: cuda}", "HOPPER", "small.yaml:6: condition 'HOPPER' is not defined"),
                fault(
                        "{platform: cuda}",
                        "{capability: many}",
                        "small.yaml:6:26: experts.Plain.device.capability: expected a decimal integer, found text"),
                fault("{platform: cuda}", "{hidden-multiple: 0}", "small.yaml:6: expected a positive divisor, found 0"),
                fault(
                        "{platform: cuda}",
                        "{eplb: perhaps}",
                        "small.yaml:6:20: experts.Plain.device.eplb: expected true or false, found text 'perhaps'"),
                fault(
                        "{platform: cuda}",
                        "{any-of: {platform: cuda}}",
                        "small.yaml:6:22: experts.Plain.device.any-of: expected a list, found a mapping"),
                fault("visibility: hidden", "visibility: dim", "small.yaml:9: visibility: unknown word 'dim'"),
                fault(
                        "{experts: [Plain]}",
                        "{experts: [Plain], input-scales: some}",
                        "input-scales: unknown word 'some'"),
                fault("[Plain]", "[Other]", "small.yaml:15: expert class 'Other' is not defined"),
                fault("order: [PLAIN]", "order: [OTHER]", "small.yaml:16: backend 'OTHER' is not one of [PLAIN]"),
                fault("visible: [plain]", "visible: [other]", "visible: 'other' is not one of the names"),
                fault(
                        "label: unquantized MoE",
                        "title: x",
                        "small.yaml:12:5: missing key 'oracles.unquantized.label'; found are title, names,"),
                fault(
                        "engine: small",
                        "engine: small\nengine: large",
                        "small.yaml:3:1: key 'engine' repeats; first at line 2"),
                fault("engine: small", "engine:", "empty value"),
                fault("engine: small", "engine: *x", "small.yaml:2:9: alias 'x' names no complete node before it"),
                fault("engine: small", "engine: [small", "small.yaml:3:9: not YAML:"),
                fault("device: {platform: cuda}", "like: Other", "small.yaml:6: like: no entry 'Other' here"),
                fault("device: {platform: cuda}", "like: Plain", "small.yaml:6: like: 'Plain' is itself like another"),
                fault("label: unquantized MoE", "label: x\n    format: []", "small.yaml:13: expected a format"),
                fault("exhausted: nothing left", "exhausted: a\n    exhausted-error: Oops", "unknown error 'Oops'"));
    }

    private static Arguments fault(String from, String to, String message) {
        return Arguments.of(from, to, message);
    }

    @ParameterizedTest
    @MethodSource("faults")
    void read_faultyCatalogue_isRefusedWithItsPlace(String from, String to, String message) {
        assertThat(SMALL).contains(from);

        assertThatExceptionOfType(CatalogueException.class)
                .isThrownBy(() -> CatalogueReader.read("small.yaml", SMALL.replace(from, to)))
                .withMessageContaining(message);
    }

    @Test
    void read_deepNesting_isRefused() {
        String deep = "schema: " + "[".repeat(5000) + "]".repeat(5000);

        assertThatExceptionOfType(CatalogueException.class)
                .isThrownBy(() -> CatalogueReader.read("deep.yaml", deep))
                .withMessageContaining("deep.yaml:1:72: nested deeper than 64 levels");
    }

    // A new snapshot is a new file and no new code.
    @Test
    void in_directoryWithANewFile_findsIt(@TempDir Path directory) throws Exception {
        Files.writeString(directory.resolve("small-2.yaml"), SMALL.replace("snapshot: \"1\"", "snapshot: \"2\""));
        Files.writeString(directory.resolve("small-1.yaml"), SMALL);

        Catalogues catalogues = Catalogues.in(directory);

        assertThat(catalogues.find("small").label()).isEqualTo("small@2");
        assertThat(catalogues.find("small@1").label()).isEqualTo("small@1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> catalogues.find("small@3"))
                .withMessage("catalogue 'small@3': expected one of [small@1, small@2]");
    }

    @Test
    void bundled_catalogues_areTheShippedOnes() {
        assertThat(Catalogues.bundled().all())
                .extracting(Catalogue::label)
                .contains("steelyard@1", "vllm@2026-05-30", "vllm@2026-08-17");
    }
}
