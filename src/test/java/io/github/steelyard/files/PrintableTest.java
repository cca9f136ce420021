package io.github.steelyard.files;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class PrintableTest {

    // C0, DEL, C1, no-break controls, bidi embeddings, overrides and isolates, separators, byte order mark, a tag, half
    // a pair.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "\0", "\n", "\r", "\t", "\u001b", "\u007f", "\u0085", "\u009b", "\u00ad", "\u061c", "\u200b", "\u200e",
                "\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069", "\ufeff", "\ud83d"
            })
    void line_characterThatSteers_isEscaped(String character) {
        assertThat(Printable.line("a" + character + "b"))
                .isEqualTo("a\\u%04xb".formatted((int) character.charAt(0)))
                .isEqualTo(Printable.of("a" + character + "b"));
    }

    @Test
    void line_tagOutsideTheFirstPlane_isEscaped() {
        assertThat(Printable.line("a\udb40\udc01b")).isEqualTo("a\\udb40\\udc01b");
    }

    @Test
    void line_everyCodePoint_hasNothingLeftThatSteers() {
        for (int point = 0; point <= Character.MAX_CODE_POINT; point++) {
            String line = Printable.line(Character.toString(point));
            assertThat(line.codePoints().allMatch(PrintableTest::isHarmless))
                    .as("U+%04X", point)
                    .isTrue();
        }
    }

    @Test
    void line_plainText_isKeptWhateverItsLength() {
        String text = "Größe 模型 \ud83d\ude00 ".repeat(200);

        assertThat(Printable.line(text)).isEqualTo(text);
        assertThat(Printable.of(text)).hasSize(401).endsWith("…");
    }

    @Test
    void list_hasTheSecondExpertBeforeTheTenth() {
        assertThat(Printable.list(List.of("experts.10", "experts.2", "experts.1")))
                .isEqualTo("'experts.1', 'experts.2', 'experts.10'");
    }

    private static boolean isHarmless(int point) {
        int type = Character.getType(point);
        return type != Character.CONTROL
                && type != Character.FORMAT
                && type != Character.SURROGATE
                && point != 0x2028
                && point != 0x2029;
    }
}
