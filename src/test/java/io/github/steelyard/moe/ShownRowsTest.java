package io.github.steelyard.moe;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.site.RowSource;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class ShownRowsTest {

    @Test
    void others_inBlocksOfAnySize_areTheRowsThatWereNotSentThere() {
        Random random = new Random(3);
        int tokens = 97;
        Assignment assignment = new Assignment(tokens, 2);
        boolean[][] sent = new boolean[5][tokens];
        for (int token = 0; token < tokens; token++) {
            float[] logits = {random.nextFloat(), 2 * random.nextFloat(), 3, random.nextFloat(), -1};
            assignment.choose(new Routing.Softmax(2, false), token, logits, 0, 5, new float[0]);
            for (int expert : assignment.of(token)) {
                sent[expert][token] = true;
            }
        }
        ShownRows.Others others = new ShownRows.Others(assignment.byExpert(5), tokens);
        for (int e = 0; e < 5; e++) {
            int expert = e;
            int[] expected = IntStream.range(0, tokens)
                    .filter(token -> !sent[expert][token])
                    .toArray();
            assertThat(others.count(expert)).isEqualTo(expected.length);
            for (int size : new int[] {1, 7, 64, 97}) {
                for (int from = 0; from < expected.length; from += size) {
                    int count = Math.min(size, expected.length - from);
                    RowBlock block = others.block(expert, from, count);
                    assertThat(block.tokens())
                            .as("expert %d, %d rows from %d", expert, count, from)
                            .containsExactly(IntStream.of(expected)
                                    .skip(from)
                                    .limit(count)
                                    .toArray());
                    assertThat(((RowSource.Others) block.source()).tokens()).isEqualTo(block.tokens());
                }
            }
        }
        assertThat(others.count(2)).isZero(); // it got all
        assertThat(others.count(4)).isEqualTo(tokens); // it got none
    }
}
