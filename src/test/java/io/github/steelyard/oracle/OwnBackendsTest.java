package io.github.steelyard.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.catalogue.Deployment;
import io.github.steelyard.catalogue.Device;
import io.github.steelyard.catalogue.EngineError;
import io.github.steelyard.catalogue.Preference;
import io.github.steelyard.catalogue.SelectionRequest;
import io.github.steelyard.work.ExpertBackend;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class OwnBackendsTest {

    private final OwnBackends own = OwnBackends.bundled();

    @Test
    void select_nothingRequired_takesFused() {
        Decision decision = own.select(Layers.nvfp4(), Optional.empty(), false);

        assertThat(decision).isInstanceOf(Selection.class);
        assertThat(OwnBackends.implementation((Selection) decision)).contains(ExpertBackend.FUSED);
    }

    @Test
    void select_visibleW2Input_takesDecomposedAndSaysWhyNotFused() {
        Selection selection = (Selection) own.select(Layers.nvfp4(), Optional.empty(), true);

        assertThat(OwnBackends.implementation(selection)).contains(ExpertBackend.DECOMPOSED);
        assertThat(selection.rejected())
                .singleElement()
                .extracting(Rejection::label)
                .isEqualTo("FUSED (FusedExperts): kernel does not support a visible w2 input: it is hidden (the "
                        + "intermediate features are used up a few at a time)");
    }

    @Test
    void select_fusedForACalibration_isRefusedByName() {
        Decision decision = own.select(Layers.bf16("silu"), Optional.of(new Choice("fused", "--moe-backend")), true);

        assertThat(decision).isInstanceOfSatisfying(Refusal.class, refusal -> {
            assertThat(refusal.kind()).isEqualTo(EngineError.VALUE_ERROR);
            assertThat(refusal.reason())
                    .isEqualTo("Our MoE backend 'FUSED' does not support the deployment configuration since kernel does"
                            + " not support a visible w2 input: it is hidden (the intermediate features are used up a"
                            + " few at a time). [requested by --moe-backend]");
        });
    }

    @Test
    void select_unknownName_listsTheKnownOnes() {
        Decision decision = own.select(Layers.bf16("silu"), Optional.of(new Choice("triton", "recipe")), false);

        assertThat(decision)
                .isInstanceOfSatisfying(
                        Refusal.class,
                        refusal -> assertThat(refusal.reason())
                                .isEqualTo(
                                        "moe_backend='triton' is not supported for our own MoE. Expected one of ['fused',"
                                                + " 'decomposed', 'batched_decomposed']. [requested by recipe]"));
    }

    @Test
    void select_batchedRows_takesTheTwin() {
        Decision decision = own.select(SelectionRequest.of(Layers.bf16("silu"), Device.jvm())
                .withDeployment(Deployment.of(1, 2, true, "deepep_low_latency", false))
                .withPreference(Preference.of("decomposed", "--moe-backend")));

        assertThat(decision)
                .isInstanceOfSatisfying(
                        Selection.class,
                        selection -> assertThat(selection.backend()).isEqualTo("BATCHED_DECOMPOSED"));
    }

    @Test
    void select_activationThatNoBackendKnows_listsEveryReason() {
        Decision decision = own.select(Layers.bf16("gelu"), Optional.empty(), false);

        assertThat(decision).isInstanceOfSatisfying(Refusal.class, refusal -> {
            assertThat(refusal.kind()).isEqualTo(EngineError.NOT_IMPLEMENTED_ERROR);
            assertThat(refusal.reason())
                    .contains("FUSED (FusedExperts): kernel does not support gelu activation")
                    .contains("DECOMPOSED (DecomposedExperts): kernel does not support gelu activation");
        });
    }

    @ParameterizedTest
    @EnumSource
    void select_eachWayOfComputing_hasAName(ExpertBackend backend) {
        Choice choice = new Choice(backend.name(), "test");
        Selection selection = (Selection) own.select(Layers.bf16("silu"), Optional.of(choice), false);

        assertThat(OwnBackends.implementation(selection)).contains(backend);
        assertThat(selection.w2Input().observable()).isEqualTo(backend.showsW2Input());
    }
}
