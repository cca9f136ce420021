package io.github.steelyard.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import org.junit.jupiter.api.Test;

final class ExchangePoolTest {

    // 1024 tokens × 4 choices × 2880 features × 2 bytes: the example of the closed pull request, whose pool was 1 MiB.
    @Test
    void sizes_gptOss_areThoseOfTheFormula() {
        ExchangePool.Sizes sizes = ExchangePool.Sizes.of(1024, 4, 2880, 2880, 2, 8);

        assertThat(sizes.topK()).isEqualTo(1024L * 4 * 2 * 3);
        assertThat(sizes.dispatch()).isEqualTo(23_592_960);
        assertThat(sizes.combine()).isEqualTo(23_592_960 / 8);
    }

    @Test
    void sizes_unevenTokens_areRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ExchangePool.Sizes.of(10, 1, 1, 1, 2, 4))
                .withMessage("10 tokens on 4 ranks: expected the same number on each");
    }

    @Test
    void sizes_beyondLong_areRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ExchangePool.Sizes.of(Long.MAX_VALUE / 2, 8, 4096, 4096, 2, 1))
                .withMessageContaining("does not fit in any pool");
    }

    @Test
    void reserve_moreThanCapacity_isRefused() {
        ExchangePool pool = new ExchangePool(2, 256);
        pool.reserve("a", 4);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> pool.reserve("b", 132))
                .withMessage("region 'b': needs 132 bytes at offset 128, the pool has 256");
    }

    @Test
    void reserve_afterSeal_isRefused() {
        ExchangePool pool = new ExchangePool(1, 256);
        pool.reserve("a", 8);
        pool.seal();

        assertThatIllegalStateException()
                .isThrownBy(() -> pool.reserve("b", 8))
                .withMessage("region 'b': the pool is sealed");
    }

    @Test
    void reserve_twiceOrMisaligned_isRefused() {
        ExchangePool pool = new ExchangePool(1, 256);
        pool.reserve("a", 8);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> pool.reserve("a", 8))
                .withMessage("region 'a' is reserved already");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> pool.reserve("b", 6))
                .withMessage("region 'b': expected a multiple of 4 bytes, found 6");
    }

    @Test
    void get_unknownRegion_isRefused() {
        ExchangePool pool = new ExchangePool(1, 256);
        pool.reserve("a", 8);
        pool.seal();

        assertThatIllegalArgumentException()
                .isThrownBy(() -> pool.get(0, "b", 0, new float[1], 0, 1))
                .withMessage("region 'b': expected one of [a]");
    }

    @Test
    void put_rankOfItsOwn_leavesTheOthersUndefined() {
        ExchangePool pool = new ExchangePool(2, 256);
        pool.reserve("a", 8);
        pool.seal();
        pool.put(1, "a", 1, new float[] {5}, 0, 1);
        float[] read = new float[4];
        pool.get(0, "a", 0, read, 0, 2);
        pool.get(1, "a", 0, read, 2, 2);

        assertThat(read).containsExactly(Float.NaN, Float.NaN, Float.NaN, 5);
    }
}
