package io.github.steelyard.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.steelyard.quant.FakeQuantizer;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Every case of the conformance file that touches a number format, one test each.
final class NumericsCasesTest {

    /// Areas of the file that other packages answer for.
    private static final Map<String, String> ELSEWHERE = Map.ofEntries(
            Map.entry("INT4", "read only: no quantizer of this project has it"),
            Map.entry("MoE", "calibration and export"),
            Map.entry("act headroom", "calibration"),
            Map.entry("config.json", "export"),
            Map.entry("hf_quant_config", "export"),
            Map.entry("histogram", "calibration"),
            Map.entry("max calibrator", "calibration"),
            Map.entry("mse", "calibration"),
            Map.entry("recipe", "recipe"),
            Map.entry("vLLM reload", "not done by this project"));

    private static final Map<String, Consumer<JsonNode>> KINDS = Map.ofEntries(
            Map.entry("round_magnitude", NumericsCasesTest::e2m1),
            Map.entry("encode", NumericsCasesTest::e2m1),
            Map.entry("enumerate", NumericsCasesTest::e4m3Candidates),
            Map.entry("quant_dequant_bf16", NumericsCasesTest::fp8Bf16),
            Map.entry("fake_quant_per_tensor", NumericsCasesTest::fp8FakeQuant),
            Map.entry("input_scale_zero", NumericsCasesTest::zeroAmax),
            Map.entry("input_scale", NumericsCasesTest::inputScale),
            Map.entry("export_weight_dynamic", NumericsCasesTest::nvfp4Weight),
            Map.entry("export_block_scale", NumericsCasesTest::staticBlockScale),
            Map.entry("block_scale", NumericsCasesTest::tinyBlocks),
            Map.entry("block_scale_cast", NumericsCasesTest::blockScaleCast),
            Map.entry("scale2_ratio", NumericsCasesTest::fourOverSixRatio),
            Map.entry("export_block32", NumericsCasesTest::mxfp4Export),
            Map.entry("per_block_amax", NumericsCasesTest::castBlockAmax),
            Map.entry("global_amax", NumericsCasesTest::castExponents));

    @TestFactory
    Stream<DynamicTest> cases() throws IOException {
        JsonNode file = new ObjectMapper()
                .readTree(Shared.path("conformance/numerics.json").toFile());
        return file.required("cases")
                .valueStream()
                .filter(example ->
                        !ELSEWHERE.containsKey(example.required("area").asText()))
                .map(example -> DynamicTest.dynamicTest(example.required("id").asText(), () -> run(example)));
    }

    private static void run(JsonNode example) {
        String kind = example.required("kind").asText();
        assertThat(KINDS).as("kinds of cases that are understood").containsKey(kind);
        KINDS.get(kind).accept(example);
    }

    private static void e2m1(JsonNode example) {
        float[] x = floats(in(example).required("x"));
        JsonNode expected = example.required("expected");
        if (expected.has("nibble")) {
            float[] nibbles = floats(expected.required("nibble"));
            for (int i = 0; i < x.length; i++) {
                assertThat(E2m1.encode(x[i])).as("code of %s", x[i]).isEqualTo((int) nibbles[i]);
            }
        }
        if (expected.has("value")) {
            float[] values = floats(expected.required("value"));
            for (int i = 0; i < x.length; i++) {
                assertThat(E2m1.decode(E2m1.encode(x[i])))
                        .as("value of %s", x[i])
                        .isEqualTo(values[i]);
                assertThat(E2m1.round(x[i])).as("rounded %s", x[i]).isEqualTo(values[i]);
            }
        }
    }

    private static void e4m3Candidates(JsonNode example) {
        JsonNode expected = example.required("expected");
        float[] first = floats(expected.required("first_fp8"));
        for (int i = 0; i < first.length; i++) {
            assertThat(E4m3.decode(i + 1)).isEqualTo(first[i]);
        }
        int count = expected.required("count").intValue();
        assertThat(E4m3.decode(count)).isEqualTo(expected.required("last_fp8").floatValue());
        assertThat(E4m3.decode(count + 1)).isNaN();
    }

    // The cases keep scales and values in BF16, four decimals; the codes are what is under test.
    private static void fp8Bf16(JsonNode example) {
        JsonNode rows = in(example).required("x");
        float[] x = floats(rows);
        int columns = rows.get(0).size();
        int blockRows = 1;
        int blockColumns = columns;
        if (in(example).has("block")) {
            blockRows = in(example).required("block").get(0).intValue();
            blockColumns = in(example).required("block").get(1).intValue();
        } else if (in(example).has("block_last")) {
            blockColumns = in(example).required("block_last").intValue();
        } else {
            blockRows = x.length / columns;
        }
        float[] y = floats(example.required("expected").required("y"));
        for (int i = 0; i < x.length; i++) {
            int top = i / columns / blockRows * blockRows;
            int left = i % columns / blockColumns * blockColumns;
            float amax = 0;
            for (int row = top; row < top + blockRows; row++) {
                amax = Math.max(amax, Amax.of(x, row * columns + left, blockColumns));
            }
            float scale = Bf16.decode(Bf16.encode(Fp8.scale(amax)));
            byte[] code = new byte[1];
            Fp8.encode(x, i, 1, scale, code, 0);
            float value = Bf16.decode(Bf16.encode(E4m3.decode(code[0]) * scale));
            assertThat(value).as("x = %s", x[i]).isCloseTo(y[i], within(1e-4f));
        }
    }

    private static void fp8FakeQuant(JsonNode example) {
        float[] x = floats(in(example).required("x"));
        FakeQuantizer.of(Format.FP8, in(example).required("amax").floatValue()).apply(x, 0, 1, x.length);
        assertThat(x).isEqualTo(floats(example.required("expected").required("y")));
    }

    private static void zeroAmax(JsonNode example) {
        assertThat(Fp8.scale(in(example).required("fp8_amax").floatValue())).isEqualTo(1f);
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        Nvfp4.inputScale(in(example).required("nvfp4_amax").floatValue()))
                .withMessage("input amax must be positive, found 0");
    }

    private static void inputScale(JsonNode example) {
        float[] amax = floats(in(example).required("amax"));
        float[] expected = floats(example.required("expected").required("input_scale"));
        for (int i = 0; i < amax.length; i++) {
            assertThat(Nvfp4.inputScale(amax[i])).isEqualTo(expected[i]);
        }
    }

    private static void nvfp4Weight(JsonNode example) {
        if (example.required("id").asText().equals("nvfp4.all_zero_tensor")) {
            // The note asks for finite scales where the peer writes NaN.
            assertThat(Nvfp4.globalScale(0)).isPositive();
            assertThat(E4m3.decode(Nvfp4.blockScale(0, Nvfp4.globalScale(0)))).isEqualTo(1f);
            return;
        }
        JsonNode rows = in(example).required("weight");
        float[] weights = floats(rows);
        int columns = rows.get(0).size();
        float amax = in(example).has("amax")
                ? in(example).required("amax").floatValue()
                : Amax.of(weights, 0, weights.length);
        float globalScale = Nvfp4.globalScale(amax);
        byte[] codes = new byte[weights.length / 2];
        byte[] scales = new byte[weights.length / 16];
        Nvfp4.encodeRows(weights, 0, rows.size(), columns, globalScale, codes, 0, scales, 0);
        JsonNode expected = example.required("expected");
        assertThat(globalScale).isEqualTo(expected.required("weight_scale_2").floatValue());
        assertThat(scales).isEqualTo(bytes(expected.required("weight_scale_bytes")));
        assertThat(codes).isEqualTo(bytes(expected.required("packed")));
        float[] values = new float[weights.length];
        new Nvfp4Weight(MemorySegment.ofArray(codes), MemorySegment.ofArray(scales), rows.size(), columns, globalScale)
                .decodeRows(0, rows.size(), values, 0);
        assertThat(values).usingComparatorWithPrecision(0f).containsExactly(floats(expected.required("dequant")));
        float[] faked = weights.clone();
        FakeQuantizer.ofWeight(Format.NVFP4, amax).apply(faked, 0, rows.size(), columns);
        assertThat(faked).usingComparatorWithPrecision(0f).containsExactly(values);
    }

    private static void staticBlockScale(JsonNode example) {
        float globalAmax = in(example).required("global_amax").floatValue();
        boolean fourOverSix = in(example).path("four_over_six").asBoolean();
        float largest = fourOverSix ? 256 : 448;
        float[] blockAmax = floats(in(example).required("block_amax"));
        JsonNode expected = example.required("expected");
        byte[] wanted = bytes(expected.required("weight_scale_bytes"));
        float[] values = floats(expected.required("weight_scale_f32"));
        for (int i = 0; i < blockAmax.length; i++) {
            int code = Nvfp4.staticBlockScale(blockAmax[i], globalAmax, largest);
            assertThat((byte) code).as("block amax %s", blockAmax[i]).isEqualTo(wanted[i]);
            assertThat(E4m3.decode(code)).isEqualTo(values[i]);
        }
        assertThat(Nvfp4.staticGlobalScale(globalAmax, largest))
                .isEqualTo(expected.required("weight_scale_2").floatValue());
    }

    private static void fourOverSixRatio(JsonNode example) {
        float amax = in(example).required("global_amax").floatValue();
        assertThat(Nvfp4.staticGlobalScale(amax, 256) / Nvfp4.staticGlobalScale(amax, 448))
                .isEqualTo(example.required("expected")
                        .required("ws2_46_over_ws2_default")
                        .floatValue());
    }

    private static void tinyBlocks(JsonNode example) {
        float globalScale = in(example).required("weight_scale_2").floatValue();
        float expected = floats(example.required("expected").required("weight_scale_f32"))[0];
        assertThat(E4m3.decode(Nvfp4.blockScale(1e-10f, globalScale))).isEqualTo(expected);
    }

    // Scales, not amaxes: amax 6x under a global scale of 1 has the scale x. Zero is another case there: it becomes 1
    // before the clamp, which the file's helper does not see.
    private static void blockScaleCast(JsonNode example) {
        float[] x = floats(in(example).required("x"));
        float[] y = floats(example.required("expected").required("y"));
        for (int i = 0; i < x.length; i++) {
            if (x[i] != 0) {
                assertThat(E4m3.decode(Nvfp4.blockScale(6 * x[i], 1))).isEqualTo(y[i]);
            }
        }
    }

    private static void mxfp4Export(JsonNode example) {
        float[] weights = floats(in(example).required("w"));
        byte[] codes = new byte[16];
        byte[] scales = new byte[1];
        Mx.encodeFp4Rows(weights, 0, 1, 32, Mx.Fp4Rounding.MODELOPT_EXPORT, codes, 0, scales, 0);
        JsonNode expected = example.required("expected");
        assertThat(scales[0]).isEqualTo((byte) expected.required("e8m0").intValue());
        assertThat(codes).isEqualTo(bytes(expected.required("packed")));
    }

    private static void castBlockAmax(JsonNode example) {
        float[] k = floats(in(example).required("k"));
        byte[] scales = new byte[k.length];
        for (int i = 0; i < k.length; i++) {
            scales[i] = (byte) (k[i] + 127);
        }
        Mxfp4ToNvfp4.Exponents exponents = Mxfp4ToNvfp4.Exponents.of(MemorySegment.ofArray(scales));
        float[] codes = floats(in(example).required("max_nibble_index"));
        float[] amax16 = floats(example.required("expected").required("amax16"));
        for (int i = 0; i < k.length; i++) {
            float amax = Mxfp4ToNvfp4.blockAmax((int) k[i], (int) codes[i], exponents);
            assertThat(amax).isEqualTo(amax16[2 * i]).isEqualTo(amax16[2 * i + 1]);
        }
    }

    private static void castExponents(JsonNode example) {
        Mxfp4ToNvfp4.Exponents exponents = Mxfp4ToNvfp4.Exponents.of(
                MemorySegment.ofArray(bytes(in(example).required("e8m0"))));
        JsonNode expected = example.required("expected");
        Set<String> keys = Set.of("k_min", "k_max", "zero_blocks", "lossless_blocks");
        assertThat(keys)
                .containsAll(expected.propertyStream().map(Map.Entry::getKey).toList());
        assertThat(exponents.largest()).isEqualTo(expected.required("k_max").intValue());
        assertThat(exponents.smallest()).isEqualTo(expected.path("k_min").asInt(exponents.smallest()));
        assertThat(exponents.zeroBlocks())
                .isEqualTo(expected.required("zero_blocks").longValue());
        assertThat(exponents.losslessBlocks())
                .isEqualTo(expected.required("lossless_blocks").longValue());
    }

    private static JsonNode in(JsonNode example) {
        return example.required("input");
    }

    /// The numbers of nested arrays, flattened.
    private static float[] floats(JsonNode node) {
        double[] values = numbers(node).mapToDouble(JsonNode::doubleValue).toArray();
        float[] floats = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }

    private static byte[] bytes(JsonNode node) {
        float[] values = floats(node);
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) (int) values[i];
        }
        return bytes;
    }

    private static Stream<JsonNode> numbers(JsonNode node) {
        return node.isArray() ? node.valueStream().flatMap(NumericsCasesTest::numbers) : Stream.of(node);
    }
}
