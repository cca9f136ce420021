package io.github.steelyard.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.catalogue.Deployment;
import io.github.steelyard.catalogue.Device;
import io.github.steelyard.catalogue.EngineError;
import io.github.steelyard.catalogue.InputScales;
import io.github.steelyard.catalogue.MoeLayer;
import io.github.steelyard.catalogue.Preference;
import io.github.steelyard.catalogue.SelectionRequest;
import io.github.steelyard.catalogue.Visibility;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The selection rules that the given cases leave out.
final class OracleTest {

    private final Oracle head = Layers.engine("head");
    private final Oracle seed = Layers.engine("seed");

    private static Preference environment(String... pairs) {
        Map<String, String> variables = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            variables.put(pairs[i], pairs[i + 1]);
        }
        return new Preference(Optional.empty(), Map.of(), variables, false);
    }

    private static Preference mixed(String forAll, String format, String forOne) {
        return new Preference(
                Optional.of(new Choice(forAll, "--moe-backend")),
                Map.of(format, new Choice(forOne, "--moe-backend." + format)),
                Map.of(),
                false);
    }

    private static void assertTakes(Decision decision, String backend, String experts) {
        assertThat(decision).as("%s", decision).isInstanceOfSatisfying(Selection.class, selection -> {
            assertThat(selection.backend()).isEqualTo(backend);
            assertThat(selection.experts()).contains(experts);
        });
    }

    private static void assertRefuses(Decision decision, EngineError kind, String... parts) {
        assertThat(decision).as("%s", decision).isInstanceOfSatisfying(Refusal.class, refusal -> {
            assertThat(refusal.kind()).isEqualTo(kind);
            assertThat(refusal.reason()).contains(parts);
        });
    }

    // -- one name for all formats, and one for a single format --

    @Test
    void select_nvfp4OnlyNameOnFp8Layers_isRefusedWithItsSource() {
        Device gb10 = Layers.sm(121, "flashinfer", "b12x");

        Decision fp8 = head.select(SelectionRequest.of(Layers.fp8Tensor(), gb10)
                .withPreference(Preference.of("flashinfer_b12x", "--moe-backend")));

        assertRefuses(
                fp8,
                EngineError.VALUE_ERROR,
                "moe_backend='flashinfer_b12x' is not supported for FP8 MoE. Expected one of ['triton', 'deep_gemm',",
                "[requested by --moe-backend]");
    }

    @Test
    void select_nameForOneFormat_leavesTheOthersAlone() {
        Device gb10 = Layers.sm(121, "flashinfer", "b12x");
        Preference preference = mixed("auto", "nvfp4", "flashinfer_b12x");

        assertTakes(
                head.select(SelectionRequest.of(Layers.nvfp4(), gb10).withPreference(preference)),
                "FLASHINFER_B12X",
                "FlashInferB12xExperts");
        assertTakes(
                head.select(SelectionRequest.of(Layers.fp8Tensor(), gb10).withPreference(preference)),
                "FLASHINFER_CUTLASS",
                "FlashInferExperts");
    }

    @Test
    void select_nameForOneFormat_beatsTheNameForAll() {
        Preference preference = mixed("flashinfer_b12x", "fp8", "marlin");
        Decision decision = head.select(SelectionRequest.of(Layers.fp8Tensor(), Layers.sm(121, "flashinfer"))
                .withPreference(preference));

        assertTakes(decision, "MARLIN", "MarlinExperts");
        assertThat(decision.choice()).contains(new Choice("marlin", "--moe-backend.fp8"));
    }

    @Test
    void select_bf16AsFormatName_meansUnquantized() {
        Decision decision = head.select(SelectionRequest.of(Layers.bf16("silu"), Layers.sm(100, "flashinfer"))
                .withPreference(mixed("auto", "bf16", "triton")));

        assertTakes(decision, "TRITON", "TritonExperts");
    }

    @Test
    void choice_upperCaseAndHyphens_areNormalised() {
        assertThat(new Choice("FlashInfer-CUTLASS", "x").name()).isEqualTo("flashinfer_cutlass");
    }

    // -- the order of checks --

    @ParameterizedTest
    @CsvSource({
        "89, relu2_no_mul, TopK, fp16, kernel does not support current device cuda sm89",
        "100, swiglustep, TopK, fp16, kernel does not support swiglustep activation",
        "100, silu, TopK, fp16, kernel does not support routing method TopK",
        "100, silu, Renormalize, fp16, kernel does not support router logits dtype fp16"
    })
    void refusal_severalFaults_namesTheFirstInTheDocumentedOrder(
            int capability, String activation, String routing, String logits, String reason) {
        MoeLayer layer = MoeLayer.of(
                        "fp8",
                        MoeLayer.Keys.of("fp8_static_tensor", "fp8_static_tensor"),
                        activation,
                        new MoeLayer.Size(2048, 768, 4096))
                .withRouter(new MoeLayer.Router(routing, logits));
        SelectionRequest request = SelectionRequest.of(layer, Layers.sm(capability, "flashinfer"));

        assertThat(head.refusal(request, "TrtLlmFp8ExpertsMonolithic")).contains(reason);
    }

    @Test
    void refusal_tooManyExperts_isTheClassesOwnLastCheck() {
        MoeLayer layer = MoeLayer.of(
                "fp8",
                MoeLayer.Keys.of("fp8_static_tensor", "fp8_static_tensor"),
                "silu",
                new MoeLayer.Size(2048, 768, 4096));
        SelectionRequest request = SelectionRequest.of(layer, Layers.sm(100, "flashinfer"));

        assertThat(head.refusal(request, "TrtLlmFp8ExpertsMonolithic"))
                .contains("FlashInfer TRTLLM routing supports at most 2048 experts, but got 4096");
        assertThat(head.refusal(request, "TritonExperts"))
                .contains("kernel's moe_align_block_size requires fewer than 1024 padded experts");
    }

    @Test
    void refusal_gateAndScheme_areNamed() {
        SelectionRequest nonGated = SelectionRequest.of(Layers.bf16("relu2_no_mul"), Layers.sm(90, "flashinfer"));
        SelectionRequest ampere = SelectionRequest.of(Layers.fp8Tensor(), Layers.sm(80, "flashinfer"));

        assertThat(head.refusal(nonGated, "CutlassExpertsFp8"))
                .contains("kernel does not support no act_and_mul MLP layer");
        assertThat(head.refusal(ampere, "TritonExperts"))
                .contains("kernel does not support quantization scheme fp8_static_tensor x fp8_static_tensor");
    }

    @Test
    void refusal_batchInvariance_isTheVariableOrTheRequest() {
        SelectionRequest request = SelectionRequest.of(Layers.fp8Tensor(), Layers.sm(90, "flashinfer"));

        assertThat(head.refusal(request, "FlashInferExperts")).isEmpty();
        assertThat(head.refusal(request.withPreference(environment("VLLM_BATCH_INVARIANT", "1")), "FlashInferExperts"))
                .contains("kernel does not support batch invariance");
        assertTakes(
                head.select(request.withPreference(environment("VLLM_BATCH_INVARIANT", "1"))),
                "TRITON",
                "TritonExperts");
    }

    // -- environment variables --

    @ParameterizedTest
    @CsvSource({
        "100, throughput, FLASHINFER_CUTLASS, FlashInferExperts",
        "100, latency, FLASHINFER_TRTLLM, TrtLlmBf16Experts",
        "90, latency, FLASHINFER_CUTLASS, FlashInferExperts"
    })
    void select_flashInferVariable_forcesItsBackend(int capability, String value, String backend, String experts) {
        Decision decision = seed.select(Layers.strict(Layers.bf16("silu"), Layers.sm(capability, "flashinfer"))
                .withPreference(
                        environment("VLLM_USE_FLASHINFER_MOE_FP16", "1", "VLLM_FLASHINFER_MOE_BACKEND", value)));

        assertTakes(decision, backend, experts);
        assertThat(decision.choice().orElseThrow().source())
                .isEqualTo("environment VLLM_FLASHINFER_MOE_BACKEND=" + value);
    }

    @Test
    void select_flashInferSwitchedOff_isNoCandidate() {
        Decision decision = seed.select(Layers.strict(Layers.bf16("silu"), Layers.sm(100, "flashinfer"))
                .withPreference(environment("VLLM_USE_FLASHINFER_MOE_FP16", "0")));

        assertTakes(decision, "TRITON", "TritonExperts");
        assertThat(decision.rejected())
                .extracting(Rejection::label)
                .containsExactly(
                        "FLASHINFER_TRTLLM: ruled out by environment VLLM_USE_FLASHINFER_MOE_FP16=0",
                        "FLASHINFER_CUTLASS: ruled out by environment VLLM_USE_FLASHINFER_MOE_FP16=0");
    }

    @Test
    void select_flashInferSwitchedOnWithoutBackend_triesBothAndFails() {
        Decision decision = seed.select(Layers.strict(Layers.bf16("silu"), Layers.sm(80, "flashinfer"))
                .withPreference(environment("VLLM_USE_FLASHINFER_MOE_FP16", "1")));

        assertRefuses(
                decision,
                EngineError.NOT_IMPLEMENTED_ERROR,
                "Found VLLM_USE_FLASHINFER_MOE_FP16=1, but no FlashInfer unquantized MoE backend supports the"
                        + " configuration.",
                "FLASHINFER_TRTLLM (TrtLlmBf16Experts)",
                "FLASHINFER_CUTLASS (FlashInferExperts)",
                "[requested by environment VLLM_USE_FLASHINFER_MOE_FP16=1]");
    }

    @Test
    void select_explicitName_beatsTheEnvironment() {
        Preference both = new Preference(
                Optional.of(new Choice("marlin", "--moe-backend")), Map.of(), Map.of("VLLM_USE_DEEP_GEMM", "1"), false);
        Decision decision = head.select(Layers.strict(Layers.fp8Block(), Layers.sm(90, "flashinfer", "deep_gemm"))
                .withPreference(both));

        assertTakes(decision, "MARLIN", "MarlinExperts");
    }

    @Test
    void select_deepGemmForcedWithoutTheLibrary_isRefusedNotReplaced() {
        Decision decision = head.select(Layers.strict(Layers.fp8Block(), Layers.sm(90, "flashinfer"))
                .withPreference(environment("VLLM_MOE_USE_DEEP_GEMM", "1")));

        assertRefuses(
                decision,
                EngineError.VALUE_ERROR,
                "FP8 MoE backend DEEPGEMM does not support the deployment configuration since kernel does not support"
                        + " current device cuda sm90.",
                "[requested by environment VLLM_MOE_USE_DEEP_GEMM=1]");
    }

    @Test
    void select_deepGemmSwitchedOff_fallsToTheNext() {
        Decision decision = head.select(Layers.strict(Layers.fp8Block(), Layers.sm(120, "flashinfer", "deep_gemm"))
                .withPreference(environment("VLLM_USE_DEEP_GEMM", "0")));

        assertTakes(decision, "TRITON", "TritonExperts");
    }

    @Test
    void select_aiterVariables_workAsOne() {
        MoeLayer layer = Layers.bf16("silu");
        Device mi300 = Device.of("gfx942", Set.of("aiter"));

        assertTakes(
                head.select(Layers.strict(layer, mi300).withPreference(environment("VLLM_ROCM_USE_AITER", "1"))),
                "AITER",
                "AiterExperts");
        // The other variable alone leaves the first at its default, off.
        assertTakes(
                head.select(Layers.strict(layer, mi300).withPreference(environment("VLLM_ROCM_USE_AITER_MOE", "1"))),
                "TRITON",
                "TritonExperts");
        assertRefuses(
                head.select(Layers.strict(Layers.bf16("relu2_no_mul"), mi300)
                        .withPreference(environment("VLLM_ROCM_USE_AITER", "1"))),
                EngineError.VALUE_ERROR,
                "Unquantized MoE backend ROCm AITER does not support");
    }

    @Test
    void select_retiredVariable_isNamedAndIgnored() {
        Decision decision = head.select(SelectionRequest.of(Layers.bf16("silu"), Layers.sm(100, "flashinfer"))
                .withPreference(environment("VLLM_USE_FLASHINFER_MOE_FP16", "0", "VLLM_NO_SUCH_THING", "1")));

        assertTakes(decision, "FLASHINFER_TRTLLM", "TrtLlmBf16ExpertsMonolithic");
        assertThat(decision.notes())
                .containsExactly(
                        "environment VLLM_NO_SUCH_THING is not read by vllm@2026-08-17",
                        "environment VLLM_USE_FLASHINFER_MOE_FP16 is not read: removed on 2026-06-11 (pull request"
                                + " 44992); use --moe-backend");
    }

    // -- batched rows and exchanges --

    @ParameterizedTest
    @CsvSource({
        "deepep_low_latency, BATCHED_TRITON",
        "nixl_ep, BATCHED_TRITON",
        "deepep_high_throughput, TRITON",
        "flashinfer_nvlink_one_sided, FLASHINFER_CUTLASS"
    })
    void select_exchangeKernels_decideTheRowFormat(String all2all, String backend) {
        Decision decision = head.select(Layers.strict(Layers.bf16("silu"), Layers.sm(90, "flashinfer"))
                .withDeployment(Deployment.of(1, 8, true, all2all, false)));

        assertThat(((Selection) decision).backend()).isEqualTo(backend);
    }

    @Test
    void select_oldNameOfAnExchange_isTheSameExchange() {
        SelectionRequest request = Layers.strict(Layers.fp8Tensor(), Layers.sm(90));
        Decision old = head.select(request.withDeployment(Deployment.of(1, 2, true, "flashinfer_all2allv", false)));
        Decision now =
                head.select(request.withDeployment(Deployment.of(1, 2, true, "flashinfer_nvlink_two_sided", false)));

        assertThat(old).isEqualTo(now);
        assertThat(old.rejected())
                .extracting(Rejection::label)
                .anyMatch(label -> label.startsWith("TRITON (TritonExperts): kernel does not support parallel config"));
    }

    @Test
    void select_exchangeWithoutExpertParallelism_isNotInUse() {
        Decision decision = head.select(Layers.strict(Layers.bf16("silu"), Layers.sm(90, "flashinfer"))
                .withDeployment(Deployment.of(1, 8, false, "deepep_low_latency", false)));

        assertTakes(decision, "TRITON", "TritonExperts");
    }

    @Test
    void select_batchedTritonByName_needsNoExchange() {
        SelectionRequest request = Layers.strict(Layers.bf16("silu"), Layers.sm(90, "flashinfer"))
                .withPreference(Preference.of("batched_triton", "--moe-backend"));

        assertTakes(head.select(request), "BATCHED_TRITON", "BatchedTritonExperts");
        assertRefuses(seed.select(request), EngineError.VALUE_ERROR, "moe_backend='batched_triton' is not supported");
    }

    // -- LoRA: where we differ from the engine --

    @Test
    void select_loraWithHiddenRequest_isRefusedWhereTheEngineReplacesIt() {
        MoeLayer lora = Layers.bf16("silu").withTraits(MoeLayer.Traits.none().withLora(true));
        SelectionRequest request = SelectionRequest.of(lora, Layers.sm(90, "flashinfer"))
                .withPreference(Preference.of("flashinfer_cutlass", "--moe-backend"));

        assertTakes(head.select(request.withStrict(true)), "TRITON", "TritonExperts");
        assertRefuses(
                head.select(request),
                EngineError.VALUE_ERROR,
                "Unquantized MoE backend FlashInfer CUTLASS does not support the deployment configuration since kernel"
                        + " does not support LoRA.",
                "[requested by --moe-backend]");
    }

    @Test
    void select_loraWithBatchedRows_keepsTheBatchedCandidates() {
        MoeLayer lora = Layers.bf16("silu").withTraits(MoeLayer.Traits.none().withLora(true));
        SelectionRequest request = SelectionRequest.of(lora, Layers.sm(90, "flashinfer"))
                .withDeployment(Deployment.of(1, 8, true, "deepep_low_latency", false));

        assertTakes(head.select(request.withStrict(true)), "TRITON", "TritonExperts");
        assertRefuses(
                head.select(request),
                EngineError.NOT_IMPLEMENTED_ERROR,
                "BATCHED_TRITON (BatchedTritonExperts): kernel does not support LoRA",
                "TRITON (TritonExperts): kernel does not support batched_experts activation format");
    }

    @Test
    void select_loraOnBlackwell_findsTheSameKernelAsTheEngine() {
        MoeLayer lora = Layers.bf16("silu").withTraits(MoeLayer.Traits.none().withLora(true));
        SelectionRequest request = SelectionRequest.of(lora, Layers.sm(100, "flashinfer"));

        assertTakes(head.select(request.withStrict(true)), "FLASHINFER_TRTLLM", "TrtLlmBf16LoRAExperts");
        assertTakes(head.select(request), "FLASHINFER_TRTLLM", "TrtLlmBf16LoRAExperts");
    }

    @Test
    void select_withoutLora_neverTriesTheLoraKernel() {
        Decision decision = head.select(SelectionRequest.of(
                Layers.bf16("silu").withRouter(new MoeLayer.Router("TopK", "bf16")), Layers.sm(100, "flashinfer")));

        assertThat(decision.rejected())
                .extracting(rejection -> rejection.experts().orElseThrow())
                .containsExactly("TrtLlmBf16ExpertsMonolithic", "TrtLlmBf16ExpertsModular");
    }

    // -- formats with several variants --

    @Test
    void select_mxfp4WithRequestedInput_keepsMatchingVariants() {
        MoeLayer layer = MoeLayer.of(
                "mxfp4", MoeLayer.Keys.of("mxfp4_static", "mxfp8_dyn"), "swigluoai", new MoeLayer.Size(2880, 2880, 32));
        Decision decision = head.select(Layers.strict(layer, Layers.sm(120, "flashinfer")));

        assertThat(decision.candidates())
                .containsExactly("FLASHINFER_TRTLLM_MXFP4_MXFP8", "FLASHINFER_CUTLASS_MXFP4_MXFP8", "EMULATION");
        assertTakes(decision, "FLASHINFER_CUTLASS_MXFP4_MXFP8", "FlashInferExperts");
    }

    @Test
    void select_mxfp4NameWithoutTheInput_isRefused() {
        MoeLayer layer = MoeLayer.of(
                "mxfp4", MoeLayer.Keys.of("mxfp4_static", "mxfp8_dyn"), "swigluoai", new MoeLayer.Size(2880, 2880, 32));
        Decision decision = head.select(Layers.strict(layer, Layers.sm(90, "triton_kernels"))
                .withPreference(Preference.of("triton", "--moe-backend")));

        assertRefuses(
                decision,
                EngineError.VALUE_ERROR,
                "moe_backend='triton' does not support activation=mxfp8_dyn; supported variants: ['TRITON']");
    }

    @Test
    void select_mxfp4OverrideAgainstTheCheckpoint_isRefused() {
        MoeLayer layer = MoeLayer.of(
                "mxfp4",
                new MoeLayer.Keys(
                        Optional.of("mxfp4_static"), Optional.of("fp8_static_tensor"), Optional.of("mxfp8_dyn")),
                "swigluoai",
                new MoeLayer.Size(2880, 2880, 32));

        assertRefuses(
                head.select(Layers.strict(layer, Layers.sm(100, "flashinfer"))),
                EngineError.VALUE_ERROR,
                "checkpoint declares MoE activation=fp8_static_tensor but"
                        + " quantization_config.moe.activation=mxfp8_dyn");
    }

    @Test
    void select_mxfp8Exhausted_isAValueErrorInTheEnginesWords() {
        MoeLayer layer = MoeLayer.of("mxfp8", MoeLayer.Keys.ofFormat(), "relu2", new MoeLayer.Size(2048, 768, 128));

        assertRefuses(
                seed.select(Layers.strict(layer, Layers.sm(90))),
                EngineError.VALUE_ERROR,
                "No MXFP8 MoE backends available. Rejected: FLASHINFER_TRTLLM (TrtLlmFp8ExpertsMonolithic)");
    }

    @Test
    void select_fp8OnNeitherCudaNorRocm_isLeftToThePlatform() {
        Decision decision = head.select(Layers.strict(Layers.fp8Tensor(), Device.of("tpu", Set.of())));

        assertThat(decision).isInstanceOfSatisfying(Selection.class, selection -> {
            assertThat(selection.backend()).isEqualTo("NONE");
            assertThat(selection.experts()).isEmpty();
        });
    }

    @Test
    void select_unknownFormat_listsTheKnownOnes() {
        MoeLayer layer = MoeLayer.of("int3", MoeLayer.Keys.ofFormat(), "silu", new MoeLayer.Size(2048, 768, 128));

        assertRefuses(
                head.select(Layers.strict(layer, Layers.sm(90))),
                EngineError.NOT_IMPLEMENTED_ERROR,
                "vllm@2026-08-17 has no MoE backends for format 'int3'; expected one of [fp8, int8, mxfp4,");
    }

    // -- clamp, shared experts, scales, visibility --

    @Test
    void select_clampOnTheOlderSnapshot_leavesOneKernel() {
        MoeLayer layer = Layers.nvfp4()
                .withClamp(new MoeLayer.Clamp(OptionalDouble.of(7), OptionalDouble.empty(), OptionalDouble.empty()));
        SelectionRequest request = Layers.strict(layer, Layers.sm(120, "flashinfer"));

        assertRefuses(
                seed.select(request.withPreference(Preference.of("marlin", "--moe-backend"))),
                EngineError.VALUE_ERROR,
                "Model sets swiglu_limit=7.0, but the explicitly requested moe_backend='marlin' does not apply the"
                        + " SwiGLU clamp. Use 'flashinfer_trtllm' or 'flashinfer_cutlass' instead.");
        assertThat(seed.select(request).candidates()).containsExactly("FLASHINFER_TRTLLM");
        assertTakes(head.select(request), "FLASHINFER_CUTLASS", "FlashInferExperts");
    }

    @Test
    void select_sharedExpertsWithAMonolithicKernel_runOutsideOfIt() {
        MoeLayer layer = Layers.nvfp4().withTraits(new MoeLayer.Traits(false, false, true, false, false));
        Decision decision = head.select(SelectionRequest.of(layer, Layers.sm(100, "flashinfer")));

        assertThat(((Selection) decision).monolithic()).isTrue();
        assertThat(((Selection) decision).w13Input().degree()).isEqualTo(Visibility.Degree.LAYER_INPUT);
        assertThat(decision.notes())
                .containsExactly("TrtLlmNvFp4ExpertsMonolithic is monolithic: shared experts run outside of it");
    }

    @Test
    void select_backends_differInWhatTheyDoToInputScales() {
        SelectionRequest nvfp4 = Layers.strict(Layers.nvfp4(), Layers.sm(120, "flashinfer", "b12x"));

        assertThat(scales(nvfp4, "flashinfer_cutlass")).isEqualTo(InputScales.LAYER_MAXIMUM);
        assertThat(scales(nvfp4, "cutlass")).isEqualTo(InputScales.PER_EXPERT);
        assertThat(scales(nvfp4, "marlin")).isEqualTo(InputScales.DROPPED);
        assertThat(scales(nvfp4, "flashinfer_b12x")).isEqualTo(InputScales.OVERWRITTEN);
        assertThat(scales(Layers.strict(Layers.fp8Block(), Layers.sm(90)), "triton"))
                .isEqualTo(InputScales.AT_RUN_TIME);
        assertThat(scales(Layers.strict(Layers.bf16("silu"), Layers.sm(90)), "triton"))
                .isEqualTo(InputScales.NOT_USED);
    }

    private InputScales scales(SelectionRequest request, String name) {
        return ((Selection) head.select(request.withPreference(Preference.of(name, "test")))).inputScales();
    }

    @Test
    void select_tritonForBlockFp8_showsOnlyThePreActivation() {
        Decision decision = head.select(Layers.strict(Layers.fp8Block(), Layers.sm(90)));

        assertThat(((Selection) decision).w2Input().degree()).isEqualTo(Visibility.Degree.PRE_ACTIVATION);
    }

    @Test
    void select_visibleW2InputRequired_skipsWhatHidesIt() {
        Decision decision = seed.select(SelectionRequest.of(Layers.bf16("relu2_no_mul"), Layers.sm(90, "flashinfer"))
                .withVisibleW2Input(true));

        assertTakes(decision, "TRITON", "TritonExperts");
        assertThat(decision.rejected())
                .extracting(Rejection::reason)
                .contains("kernel does not support a visible w2 input: it is hidden (one kernel call runs both expert"
                        + " GEMMs)");
    }

    @Test
    void rounded_backends_roundAsTheirKernelsNeed() {
        SelectionRequest gptOss = Layers.strict(Layers.gptOss(), Layers.sm(90));

        assertThat(head.rounded(gptOss, "MARLIN")).isEqualTo(new MoeLayer.Size(3072, 2944, 128));
        assertThat(head.rounded(gptOss, "TRITON")).isEqualTo(new MoeLayer.Size(2880, 2880, 128));
        assertThat(seed.rounded(gptOss, "FLASHINFER_TRTLLM_MXFP4_BF16")).isEqualTo(new MoeLayer.Size(3072, 3072, 128));
        assertThat(head.rounded(gptOss, "FLASHINFER_TRTLLM_MXFP4_BF16")).isEqualTo(new MoeLayer.Size(3072, 2944, 128));
    }

    @Test
    void backendsNamed_severalVariants_areAllListed() {
        assertThat(head.backendsNamed(Layers.strict(Layers.gptOss(), Layers.sm(90)), "flashinfer_trtllm"))
                .isEqualTo(List.of("FLASHINFER_TRTLLM_MXFP4_BF16", "FLASHINFER_TRTLLM_MXFP4_MXFP8"));
    }
}
