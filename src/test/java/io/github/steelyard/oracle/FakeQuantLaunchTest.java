package io.github.steelyard.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.catalogue.Deployment;
import io.github.steelyard.catalogue.Device;
import io.github.steelyard.catalogue.MoeLayer;
import io.github.steelyard.catalogue.Preference;
import io.github.steelyard.catalogue.SelectionRequest;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class FakeQuantLaunchTest {

    private static final Device HOPPER = Layers.sm(90, "flashinfer", "triton_kernels", "deep_gemm");

    // The engine of ModelOpt pull request 1572: FlashInfer CUTLASS hides the w2 input of Nemotron-3-Nano.
    @Test
    void plan_nanoBf16OnTheOlderSnapshot_asksForTriton() {
        SelectionRequest nano = SelectionRequest.of(Layers.bf16("relu2_no_mul"), HOPPER);

        FakeQuantLaunch launch = FakeQuantLaunch.plan(Layers.engine("seed"), List.of(nano), Set.of());

        assertThat(launch.flags()).containsExactly("--moe-backend", "triton");
        assertThat(launch.complete()).isTrue();
        assertThat(launch.advice())
                .singleElement()
                .asString()
                .isEqualTo(
                        "unquantized: vllm@2026-05-30 takes FLASHINFER_CUTLASS (FlashInferExperts), and the w2 input "
                                + "is hidden (one kernel call runs both expert GEMMs)");
    }

    @Test
    void plan_formatVisibleByItself_needsNoFlag() {
        SelectionRequest bf16 = SelectionRequest.of(Layers.bf16("silu"), HOPPER);

        FakeQuantLaunch launch = FakeQuantLaunch.plan(Layers.engine("head"), List.of(bf16), Set.of());

        assertThat(launch.flags()).isEmpty();
        assertThat(launch.complete()).isTrue();
    }

    @Test
    void plan_nvfp4_asksForEmulationAndNeverForTriton() {
        SelectionRequest nvfp4 = SelectionRequest.of(Layers.nvfp4(), Layers.sm(100, "flashinfer"));

        FakeQuantLaunch launch = FakeQuantLaunch.plan(Layers.engine("head"), List.of(nvfp4), Set.of());

        assertThat(launch.flags()).containsExactly("--moe-backend", "emulation");
        assertThat(launch.formats().getFirst().names()).containsExactly("emulation", "marlin");
    }

    @Test
    void plan_twoKindsOfNvfp4_asksForTheNameThatShowsBoth() {
        MoeLayer weightOnly = MoeLayer.of(
                "nvfp4", MoeLayer.Keys.of("nvfp4_static", "none"), "silu", new MoeLayer.Size(2048, 768, 128));
        Device blackwell = Layers.sm(100, "flashinfer");
        List<SelectionRequest> both =
                List.of(SelectionRequest.of(Layers.nvfp4(), blackwell), SelectionRequest.of(weightOnly, blackwell));

        FakeQuantLaunch launch = FakeQuantLaunch.plan(Layers.engine("head"), both, Set.of());

        assertThat(launch.flags()).containsExactly("--moe-backend", "marlin");
    }

    @Test
    void plan_nvfp4WeightOnly_asksForMarlin() {
        MoeLayer layer = MoeLayer.of(
                "nvfp4", MoeLayer.Keys.of("nvfp4_static", "none"), "silu", new MoeLayer.Size(2048, 768, 128));
        SelectionRequest request =
                SelectionRequest.of(layer, Layers.sm(90, "flashinfer")).withPreference(Preference.none());

        FakeQuantLaunch launch = FakeQuantLaunch.plan(Layers.engine("head"), List.of(request), Set.of());

        assertThat(launch.formats().getFirst().names()).containsExactly("marlin");
        assertThat(launch.flags()).isEmpty(); // Marlin is what the engine takes by itself
    }

    @Test
    void plan_gptOss_asksForTheUnfusedTriton() {
        SelectionRequest gptOss = SelectionRequest.of(Layers.gptOss(), Layers.sm(100, "flashinfer", "triton_kernels"));

        FakeQuantLaunch launch = FakeQuantLaunch.plan(Layers.engine("head"), List.of(gptOss), Set.of());

        assertThat(launch.flags()).containsExactly("--moe-backend", "triton_unfused");
    }

    // Triton fuses activation and quantisation for block FP8; only the weight-only kernel leaves the tensor.
    @Test
    void plan_blockFp8_asksForMarlin() {
        SelectionRequest block = SelectionRequest.of(Layers.fp8Block(), Layers.sm(90, "flashinfer", "deep_gemm"));

        FakeQuantLaunch launch = FakeQuantLaunch.plan(Layers.engine("head"), List.of(block), Set.of());

        assertThat(launch.flags()).containsExactly("--moe-backend", "marlin");
    }

    @Test
    void plan_formatsWithoutACommonName_namesBothAndAsksForNeither() {
        SelectionRequest nvfp4 = SelectionRequest.of(Layers.nvfp4(), Layers.sm(100, "flashinfer"));
        SelectionRequest bf16 = SelectionRequest.of(Layers.bf16("silu"), Layers.sm(100, "flashinfer"));

        FakeQuantLaunch launch = FakeQuantLaunch.plan(Layers.engine("head"), List.of(nvfp4, bf16), Set.of());

        assertThat(launch.flags()).isEmpty();
        assertThat(launch.complete()).isFalse();
        assertThat(launch.advice().getLast())
                .startsWith("no single value of --moe-backend shows the w2 input of every format "
                        + "(nvfp4: emulation or marlin, unquantized: triton or batched_triton)");
    }

    @Test
    void plan_disabledQuantizers_areNoConditionButMustBeServed() {
        SelectionRequest nvfp4 = SelectionRequest.of(Layers.nvfp4(), Layers.sm(100, "flashinfer"));
        SelectionRequest fp8 = SelectionRequest.of(Layers.fp8Tensor(), Layers.sm(100, "flashinfer"));

        FakeQuantLaunch launch = FakeQuantLaunch.plan(Layers.engine("head"), List.of(nvfp4, fp8), Set.of("fp8"));

        // `emulation` would break the FP8 layers, `marlin` serves both.
        assertThat(launch.flags()).containsExactly("--moe-backend", "marlin");
        assertThat(launch.complete()).isTrue();
    }

    @Test
    void plan_userAskedForABackend_leavesIt() {
        SelectionRequest nvfp4 = SelectionRequest.of(Layers.nvfp4(), Layers.sm(100, "flashinfer"))
                .withPreference(Preference.of("flashinfer_cutlass", "--moe-backend"));

        FakeQuantLaunch launch = FakeQuantLaunch.plan(Layers.engine("head"), List.of(nvfp4), Set.of());

        assertThat(launch.flags()).isEmpty();
        assertThat(launch.complete()).isFalse();
        assertThat(launch.advice()).last().isEqualTo("a backend was asked for; it is left as it is");
    }

    @Test
    void plan_nameUnknownToTheEngine_isNotEmitted() {
        SelectionRequest batched = SelectionRequest.of(Layers.bf16("silu"), Layers.sm(100, "flashinfer"))
                .withDeployment(Deployment.of(1, 8, true, "deepep_low_latency", false));

        FakeQuantLaunch older = FakeQuantLaunch.plan(Layers.engine("seed"), List.of(batched), Set.of());
        FakeQuantLaunch newer = FakeQuantLaunch.plan(Layers.engine("head"), List.of(batched), Set.of());

        assertThat(older.formats().getFirst().names()).containsExactly("triton");
        assertThat(newer.formats().getFirst().names()).containsExactly("triton", "batched_triton");
    }
}
