package io.github.steelyard.format;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.testing.FormatGolden;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/// Codecs, encoders and weights against bytes of ModelOpt, reference values, and a search in numpy.
final class FormatGoldenTest {

    private static final FormatGolden GOLDEN = FormatGolden.open();

    @Test
    void tables_everyCode_equalTheReference() {
        float[] e4m3 = GOLDEN.floats("e4m3");
        for (int code = 0; code < 256; code++) {
            assertThat(Float.floatToIntBits(E4m3.decode(code)))
                    .as("bits of E4M3 %d", code)
                    .isEqualTo(Float.floatToIntBits(e4m3[code]));
        }
        float[] e2m1 = GOLDEN.floats("e2m1");
        for (int code = 0; code < 16; code++) {
            assertThat(Float.floatToIntBits(E2m1.decode(code)))
                    .as("bits of E2M1 %d", code)
                    .isEqualTo(Float.floatToIntBits(e2m1[code]));
        }
    }

    @Test
    void nvfp4_modeloptRows_areReproducedByteForByte() {
        for (JsonNode json : GOLDEN.json().required("modeloptNvfp4")) {
            FormatGolden golden = new FormatGolden(json);
            int rows = golden.integer("rows");
            int columns = golden.integer("columns");
            byte[] codes = new byte[rows * columns / 2];
            byte[] scales = new byte[rows * columns / 16];
            Nvfp4.encodeRows(
                    golden.floats("weights"), 0, rows, columns, golden.number("globalScale"), codes, 0, scales, 0);
            assertThat(scales).as(golden.text("origin")).isEqualTo(golden.bytes("blockScales"));
            assertThat(codes).as(golden.text("origin")).isEqualTo(golden.bytes("codes"));
        }
    }

    @Test
    void nvfp4_modeloptRows_containNegativeZeros() {
        for (JsonNode json : GOLDEN.json().required("modeloptNvfp4")) {
            byte[] codes = new FormatGolden(json).bytes("codes");
            int negativeZeros = 0;
            for (byte pair : codes) {
                negativeZeros += ((pair & 0xf) == 8 ? 1 : 0) + ((pair & 0xf0) == 0x80 ? 1 : 0);
            }
            assertThat(negativeZeros).isPositive();
        }
    }

    // Without a second rounding: the bytes of a model that ModelOpt loaded in float32, not those of one in BF16.
    @Test
    void fp8_modeloptRows_areRoundedOnce() {
        for (JsonNode json : GOLDEN.json().required("modeloptFp8")) {
            FormatGolden golden = new FormatGolden(json);
            float scale = Fp8.scale(golden.number("amax"));
            assertThat(scale).isEqualTo(golden.number("scale"));
            float[] weights = golden.floats("weights");
            byte[] codes = new byte[weights.length];
            Fp8.encode(weights, 0, weights.length, scale, codes, 0);
            assertThat(codes).as(golden.text("origin")).isEqualTo(golden.bytes("codes"));
            assertThat(codes).isNotEqualTo(golden.bytes("codesBf16Load"));
            for (int i = 0; i < weights.length; i++) {
                codes[i] = (byte) E4m3.encode(Bf16.decode(Bf16.encode(weights[i] / scale)));
            }
            assertThat(codes).as("rounded twice").isEqualTo(golden.bytes("codesBf16Load"));
        }
    }

    @Test
    void fp8Block_partialBlocks_decodeToTheReference() {
        for (JsonNode json : GOLDEN.json().required("fp8Block")) {
            FormatGolden golden = new FormatGolden(json);
            int rows = golden.integer("rows");
            int columns = golden.integer("columns");
            PlainWeight scales =
                    PlainWeight.ofFloats(golden.floats("scales"), Math.ceilDiv(rows, 128), Math.ceilDiv(columns, 128));
            Fp8Weight weight = Fp8Weight.blocks(
                    MemorySegment.ofArray(golden.bytes("codes")), DType.F8_E4M3, rows, columns, scales);
            float[] values = new float[rows * columns];
            weight.decodeRows(0, rows, values, 0);
            assertThat(values).as(golden.text("origin")).isEqualTo(golden.floats("values"));
        }
    }

    @Test
    void encoders_independentSearch_giveTheSameBytes() {
        FormatGolden golden = GOLDEN.at("fake");
        float[] x = golden.floats("x");
        int rows = golden.integer("rows");
        int columns = golden.integer("columns");
        byte[] codes = new byte[rows * columns / 2];
        byte[] scales = new byte[rows * columns / 16];
        float globalScale = Nvfp4.globalScale(golden.number("weightAmax"));
        assertThat(globalScale).isEqualTo(golden.number("nvfp4GlobalScale"));
        Nvfp4.encodeRows(x, 0, rows, columns, globalScale, codes, 0, scales, 0);
        assertThat(scales).isEqualTo(golden.bytes("nvfp4BlockScales"));
        assertThat(codes).isEqualTo(golden.bytes("nvfp4Codes"));

        byte[] mxScales = new byte[rows * columns / 32];
        Mx.encodeFp4Rows(x, 0, rows, columns, Mx.Fp4Rounding.NEAREST_EVEN, codes, 0, mxScales, 0);
        assertThat(mxScales).isEqualTo(golden.bytes("mxfp4Scales"));
        assertThat(codes).isEqualTo(golden.bytes("mxfp4Codes"));

        byte[] fp8Codes = new byte[rows * columns];
        Mx.encodeFp8Rows(x, 0, rows, columns, fp8Codes, 0, mxScales, 0);
        assertThat(mxScales).isEqualTo(golden.bytes("mxfp8Scales"));
        assertThat(fp8Codes).isEqualTo(golden.bytes("mxfp8Codes"));
    }

    @Test
    void weights_independentCodes_decodeToTheirValues() {
        FormatGolden golden = GOLDEN.at("fake");
        int rows = golden.integer("rows");
        int columns = golden.integer("columns");
        MxWeight mxfp4 = MxWeight.mxfp4(segment(golden, "mxfp4Codes"), segment(golden, "mxfp4Scales"), rows, columns);
        assertDecodes(mxfp4, golden.floats("MXFP4"));
        MxWeight mxfp8 = MxWeight.mxfp8(segment(golden, "mxfp8Codes"), segment(golden, "mxfp8Scales"), rows, columns);
        assertDecodes(mxfp8, golden.floats("MXFP8"));
        Nvfp4Weight nvfp4 = new Nvfp4Weight(
                segment(golden, "nvfp4Codes"),
                segment(golden, "nvfp4BlockScales"),
                rows,
                columns,
                golden.number("nvfp4GlobalScale"));
        assertDecodes(nvfp4, golden.floats("nvfp4Weight"));
    }

    private static MemorySegment segment(FormatGolden golden, String key) {
        return MemorySegment.ofArray(golden.bytes(key));
    }

    private static void assertDecodes(StoredWeight weight, float[] expected) {
        float[] values = new float[expected.length];
        weight.decodeRows(0, weight.rows(), values, 0);
        assertThat(values)
                .as(weight.formatName())
                .usingComparatorWithPrecision(0f)
                .containsExactly(expected);
    }
}
