package io.github.steelyard.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.steelyard.format.Format;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

final class QuantizerConfigTest {

    private static final QuantizerConfig FP8 = QuantizerConfig.perTensor(NumBits.E4M3);
    private static final QuantizerConfig NVFP4 =
            QuantizerConfig.blocks(NumBits.E2M1, BlockSizes.lastAxis(16, true, NumBits.E4M3));

    @Test
    void hasTensorAmax_formatsWithoutATensorScale_haveNone() {
        assertThat(FP8.hasTensorAmax()).isTrue();
        assertThat(NVFP4.hasTensorAmax()).isTrue();
        assertThat(QuantizerConfig.blocks(NumBits.E2M1, BlockSizes.lastAxis(32, true, NumBits.E8M0))
                        .hasTensorAmax())
                .isFalse();
        assertThat(withAxis(List.of(0)).hasTensorAmax()).isFalse();
    }

    @Test
    void format_unsupportedAttribute_hasNone() {
        QuantizerConfig rotated = withOthers(Map.of("rotate", "true"));
        QuantizerConfig training = withOthers(Map.of("pass_through_bwd", "false"));

        assertThat(rotated.format()).isEmpty();
        assertThat(training.format()).contains(Format.FP8);
    }

    @Test
    void toString_attributes_readAsInARecipe() {
        assertThat(NVFP4.withAmax(new AmaxSource.Constant(2688f)).withEnable(false))
                .hasToString("num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3},"
                        + " constant_amax: 2688.0, enable: false");
        assertThat(withAxis(List.of(0))).hasToString("num_bits: e4m3, axis: 0");
    }

    @Test
    void constructor_axisAndBlocks_isRejected() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new QuantizerConfig(
                        true,
                        NumBits.E4M3,
                        List.of(0),
                        Optional.of(BlockSizes.lastAxis(128, false, NumBits.E4M3)),
                        false,
                        new AmaxSource.Measured(),
                        new TreeMap<>()))
                .withMessage("axis excludes block_sizes: give one of them");
    }

    @Test
    void constructor_codeThatNeedsDynamicBlocks_isRejectedWithout() {
        NumBits e3m2 = NumBits.floating("e3m2").orElseThrow();

        assertThatIllegalArgumentException()
                .isThrownBy(() -> QuantizerConfig.perTensor(e3m2))
                .withMessage("num_bits e3m2 needs block_sizes with type: dynamic; only e4m3 and e2m1 work without");
        assertThat(QuantizerConfig.blocks(e3m2, BlockSizes.lastAxis(32, true, NumBits.E8M0))
                        .format())
                .isEmpty();
    }

    @Test
    void constantAmax_notPositiveAndFinite_isRejected() {
        for (float amax : new float[] {0f, -1f, Float.NaN, Float.POSITIVE_INFINITY}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new AmaxSource.Constant(amax))
                    .withMessage("constant_amax must be positive and finite, found " + amax);
        }
    }

    @Test
    void blockSizes_badSizes_areRejected() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new BlockSizes(new TreeMap<>(), false, Optional.empty(), false))
                .withMessage("block_sizes names no axis");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> BlockSizes.lastAxis(0, true, NumBits.E4M3))
                .withMessage("block_sizes: size along axis -1 must be at least 1, found 0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new BlockSizes(
                        new TreeMap<>(Map.of(-1, OptionalInt.of(16), -2, OptionalInt.of(16))),
                        true,
                        Optional.empty(),
                        false))
                .withMessage("block_sizes: dynamic blocks lie along one axis only, found axes [-2, -1]");
    }

    @Test
    void floating_otherForms_areNoCode() {
        assertThat(NumBits.floating("E4M3")).contains(NumBits.E4M3);
        assertThat(NumBits.floating("fp8")).isEmpty();
        assertThat(NumBits.floating("e4m3 ")).isEmpty();
    }

    private static QuantizerConfig withAxis(List<Integer> axis) {
        return new QuantizerConfig(
                true, NumBits.E4M3, axis, Optional.empty(), false, new AmaxSource.Measured(), new TreeMap<>());
    }

    private static QuantizerConfig withOthers(Map<String, String> others) {
        return new QuantizerConfig(
                true,
                NumBits.E4M3,
                List.of(),
                Optional.empty(),
                false,
                new AmaxSource.Measured(),
                new TreeMap<>(others));
    }
}
