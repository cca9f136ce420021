package io.github.steelyard.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.opentest4j.TestAbortedException;

final class TestingTest {

    @Test
    void npz_architectureReference_hasTheDocumentedKeys() {
        Npz reference = Npz.read(Shared.path("conformance/architectures/mixtral/ref.npz"));

        assertThat(reference.array("ids_0").shape()).containsExactly(1, 23);
        assertThat(IntStream.of(reference.array("ids_0").ints())).hasSize(23).allMatch(id -> id >= 0 && id < 160);
        assertThat(reference.array("logits_1").shape()).containsExactly(1, 70, 160);
        assertThat(reference.array("logits_1").floats()).hasSize(70 * 160);
        assertThat(reference
                        .array("ridx/model.layers.1.block_sparse_moe.gate_0")
                        .longs())
                .hasSize(23 * 2);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> reference.array("logits_2"))
                .withMessageContaining("has no array 'logits_2'");
    }

    @Test
    void npy_otherType_isRefused() {
        Npy logits = Npz.readArray(Shared.path("models/refs/tiny-qwen3-moe-bf16.logits.seq0.npy"));

        assertThat(logits.floats()).hasSize(128 * 1040);
        assertThatThrownBy(logits::longs).hasMessage("expected an array of type <i8, found <f4");
    }

    @Test
    void shared_fileThatIsNotThere_fails() {
        Shared.path("models");

        assertThatThrownBy(() -> Shared.path("models/no-such-model"))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("'models/no-such-model' is missing");
    }

    @Test
    void shared_absenceThatATestTakesForAnException_skipsTheTest() {
        InvocationInterceptor.Invocation<Void> test = () -> {
            assertThatIllegalArgumentException().isThrownBy(() -> Shared.skip("no data"));
            return null;
        };

        assertThatThrownBy(() -> AbsentDataExtension.skipWithoutData(test))
                .isInstanceOf(TestAbortedException.class)
                .hasMessage("no data");
    }

    @Test
    void shared_absenceThatATestSwallows_skipsTheTest() {
        InvocationInterceptor.Invocation<Void> test = () -> {
            assertThatThrownBy(() -> Shared.skip("no data")).isNotNull();
            return null;
        };

        assertThatThrownBy(() -> AbsentDataExtension.skipWithoutData(test))
                .isInstanceOf(TestAbortedException.class)
                .hasMessage("no data");
    }

    @Test
    void tinySafetensors_twoTensors_liesAsTheFormatSays() {
        byte[] file = new TinySafetensors()
                .f32("a", new long[] {2}, 1f, -2f)
                .bytes("b", "F8_E4M3", new long[] {1, 3}, 1, 2, 255)
                .toBytes();

        int headerLength = file[0];
        assertThat(headerLength % 8).isZero();
        assertThat(new String(file, 8, headerLength, StandardCharsets.UTF_8).strip())
                .isEqualTo("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                        + "\"b\":{\"dtype\":\"F8_E4M3\",\"shape\":[1,3],\"data_offsets\":[8,11]}}");
        assertThat(file).hasSize(8 + headerLength + 11).endsWith(0, 0, 0, 0xC0, 1, 2, 255);
    }
}
