package io.github.steelyard.pattern;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Regular expressions of configs: the same matches as the JDK's engine, which is an independent one, in bounded time.
final class RegexPatternTest {

    private static final String[] NAMES = {
        "lm_head",
        "model.layers.0.mlp.gate",
        "model.layers.0.mlp.gate_proj",
        "model.layers.61.mlp.experts.17.down_proj",
        "model.layers.6.mlp.shared_experts.up_proj",
        "model.layers.16.self_attn.q_proj",
        "model.visual.blocks.0.attn.qkv",
        "",
    };

    @ParameterizedTest
    @ValueSource(
            strings = {
                ".*mlp\\.gate$",
                "lm_head",
                ".*layers\\.(0|61)\\..*",
                "model\\.layers\\.6\\.",
                ".*experts\\.\\d+\\.(gate|up|down)_proj$",
                "(?i).*GATE$",
                ".*[0-9][0-9].*proj",
                "^model\\.layers\\.\\d{2}\\..*",
                "a|.*gate",
                ".*mlp\\.(?!gate$).*",
                "^(?!.*experts).*proj$",
                "^(?!.*(?:lm_head|visual)).*$",
                "model\\.(?=layers).*",
                "model\\.layers\\.(?!0\\.).*\\.(?!gate).*",
                "(?!model)",
                ".*(?!x)",
                ".*\\x67ate_proj",
                ".*layers\\x2e61\\b.*",
                ".*\\Qmlp.gate\\E",
            })
    void match_isThatOfAnIndependentEngine(String regex) {
        RegexPattern pattern = RegexPattern.of("re:" + regex, budget());
        Pattern reference = Pattern.compile(regex);
        for (String name : NAMES) {
            assertThat(pattern.matches(name, budget()))
                    .as("%s on %s", regex, name)
                    .isEqualTo(reference.matcher(name).lookingAt());
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "re:(; `missing closing )`",
                "re:(a)\\1; invalid escape sequence",
                "re:(?<=a)b; invalid",
                "re:(a(?!b))c; invalid or unsupported Perl syntax",
                "re:a++; invalid nested repetition",
                "re:((((){9999}){9999}){9999}){9999}z; its repeats unfold to more than 10000",
                "re:(?:(?:(?:a{0}){999}){999})z; its repeats unfold to more than 10000",
                "re:a|b(?!c); anchors or alternatives beside a lookahead",
                "re:[(]a|b(?!c); anchors or alternatives beside a lookahead",
                "re:.*(?!a)\\Ab; anchors or alternatives beside a lookahead",
                "re:.*(?!a)^b; anchors or alternatives beside a lookahead",
            })
    void unsupported_isRefusedByName(String text, String why) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RegexPattern.of(text, budget()))
                .withMessageStartingWith(
                        "pattern '%s' is not a regular expression that can be matched in linear time".formatted(text))
                .withMessageContaining(why);
    }

    @ParameterizedTest
    @CsvSource({
        "re:.*mlp\\.gate$, true",
        "re:.*\\d+.*, true",
        "re:.*[0-9]+.*, true",
        "re:.*\\d{2}.*, true",
        "re:.*layers\\.61\\..*, false",
        "re:.*[0-8]+.*, false",
        "re:.*\\[0-9], false",
    })
    void digits_areToldApartOnlyWhereThePatternNamesThem(String text, boolean blind) {
        assertThat(RegexPattern.of(text, budget()).blindToDigits()).isEqualTo(blind);
    }

    private static ModulePattern.Budget budget() {
        return new ModulePattern.Budget(1_000_000_000);
    }
}
