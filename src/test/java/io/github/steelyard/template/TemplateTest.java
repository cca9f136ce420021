package io.github.steelyard.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.steelyard.jinja.TemplateException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What templates are refused, and their bounds. Results are held by `TemplateGoldenTest`; those here are from the same
/// program, by hand.
@Timeout(60)
final class TemplateTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{% include 'x' %}                      | line 1: {% include %} is not done here",
                "{% import 'x' as y %}                  | line 1: {% import %} is not done here",
                "{% extends 'x' %}                      | line 1: {% extends %} is not done here",
                "{% block a %}{% endblock %}            | line 1: {% block %} is not done here",
                "{% for a in b recursive %}{% endfor %} | line 1: {% for … recursive %} is not done here",
                "{% filter xmlattr %}{% endfilter %}    | line 1: filter 'xmlattr' is not done here",
                "{{ a is escaped }}                     | line 1: test 'escaped' is not done here",
                "{{ f(*a) }}                            | line 1: '*' before an argument is not done here",
                "{{ 'a'.encode() }}                     | line 1: method 'encode' of 'str' is not done here",
                "{{ [].append(1) }}                     | line 1: method 'append' of 'list' is not done here",
                "{{ ''.__class__.__mro__ }}             | line 1: '__class__' of a value of type 'str' is undefined",
                "{{ cycler('a') }}                      | line 1: 'cycler' is undefined",
                "{{ 'a' + 1 }}                          | line 1: '+' between values of types 'str' and 'int'",
                "{{ 1 / 0 }}                            | line 1: division by zero",
                "{{ 9223372036854775807 + 1 }}          | line 1: integer of more than 18 digits",
                "{{ 999999999999999999 * 100 }}         | line 1: an integer of more than 64 bits",
                "{{ a.b.c }}                            | line 1: 'a' is undefined",
                "{{ a()}}                               | line 1: 'a' is undefined",
                "{% set a.b = 1 %}                      | line 1: only attributes of a namespace can be set",
                "{% if a %}                             | line 1: no {% elif or else or endif %} for a block",
                "{% endif %}                            | line 1: {% endif %} is not done here",
                "{% break %}                            | line 1: {% break %} outside a loop",
                "{{ a                                   | line 1: a tag does not end",
                "{{ 'a                                  | line 1: a string does not end",
                "{# a                                   | line 1: a comment does not end",
                "{{ a b }}                              | line 1: unexpected 'b'",
                "{{ }}                                  | line 1: expected an expression, found the end of the tag",
                "{{ (1 }}                               | line 1: unexpected '}'",
                "{{ a ! b }}                            | line 1: unexpected character '!'",
                "{{ strftime_now('%Q') }}               | line 1: strftime_now: '%Q' is not done here",
                "{{ '{:>9}'.format(1) }}                | line 1: format: the field '{:>9}' is not done here",
                "{{ range(1000000) }}                   | line 1: range: more than 100000 integers",
            })
    void template_whatIsNotDoneHere_isNamed(String template, String message) {
        assertThatThrownBy(() -> render(template))
                .isInstanceOf(TemplateException.class)
                .hasMessage(message)
                .hasMessageNotContaining("\n");
    }

    @Test
    void refusal_isToldFromAFailure() {
        assertThatThrownBy(() -> render("a\n\n{{ raise_exception('no\nmore') }}"))
                .hasMessage("line 3: no")
                .isInstanceOfSatisfying(
                        TemplateException.class, e -> assertThat(e.isRefusal()).isTrue());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
                "{% set ns = namespace(a='x') %}{% for i in range(99) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
                "{% set ns = namespace(a=[1]) %}{% for i in range(99) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
                "{{ 'x' * 999999999999 }}",
                "{{ ([1] * 99999999) | length }}",
                "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                "{% for i in range(99999) %}{{ 'x' * 9999 }}{% endfor %}",
                "{{ ('x' * 9999999).replace('', 'yyyyyyyyyyyyyyyy') }}",
                "{{ '%99s' | format('x') * 9999999 }}",
                "{% set ns = namespace(a=[]) %}{% for i in range(9999) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a }}",
                "{% set ns = namespace(a=[], b=[]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
                "{% set ns = namespace(a=[], b=[]) %}{% for i in range(9999) %}{% set ns.a = [ns.a] %}{% set ns.b = [ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
                "{% set ns = namespace(a=[]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ {}[ns.a] }}",
                "{{ 9 ** 99999999999 }}",
                "{{ ('a,' * 5000000).split(',') | unique | list | length }}",
            })
    void rendering_withoutBounds_ends(String template) {
        assertThatThrownBy(() -> render(template))
                .isInstanceOf(TemplateException.class)
                .hasMessageNotContaining("\n");
    }

    @Test
    void templates_deepInThemselves_areRefused() {
        assertThatThrownBy(() -> render("{{ " + "(".repeat(5000) + "1" + ")".repeat(5000) + " }}"))
                .isInstanceOf(TemplateException.class);
        assertThatThrownBy(() -> render("{{ " + "not ".repeat(50_000) + "1 }}")).isInstanceOf(TemplateException.class);
        assertThatThrownBy(() -> render("{{ " + "-".repeat(50_000) + "1 }}")).isInstanceOf(TemplateException.class);
        assertThatThrownBy(() -> render("{% if a %}".repeat(5000) + "{% endif %}".repeat(5000)))
                .isInstanceOf(TemplateException.class);
    }

    @Test
    void longChains_ofOneKind_areRunOrRefused() {
        String sum = "{{ " + "1 + ".repeat(20_000) + "1 }}";
        try {
            assertThat(render(sum)).isEqualTo("20001");
        } catch (TemplateException e) {
            assertThat(e).hasMessage("lies too deep in itself");
        }
    }

    @Test
    void variables_areNotChanged() {
        Map<String, Object> message = new LinkedHashMap<>(Map.of("role", "user"));
        Map<String, Object> variables = new LinkedHashMap<>(Map.of("messages", new ArrayList<>(List.of(message))));

        Template.parse("{% set messages = messages[1:] %}{% set x = messages %}")
                .render(variables, LocalDate.EPOCH);

        assertThat(variables).isEqualTo(Map.of("messages", List.of(Map.of("role", "user"))));
        assertThatThrownBy(() -> Template.parse("{{ messages[0].update({'role': 'x'}) }}")
                        .render(variables, LocalDate.EPOCH))
                .hasMessage("line 1: method 'update' of 'dict' is not done here");
    }

    @Test
    void anyText_isATemplateOrRefused() {
        String[] words = {
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            "-",
            "+",
            " ",
            "\n",
            "if ",
            "endif",
            "for a in b",
            "endfor",
            "set a = ",
            "'",
            "\"",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "|",
            "a",
            "1",
            ".",
            ",",
            ":",
            "is ",
            "not ",
            "in ",
            "raw",
            "endraw",
            "macro m()",
            "endmacro",
            "**",
            "~",
            "messages",
            "else",
            "\\",
            "é",
            "call",
            "filter upper",
            "endfilter"
        };
        for (int seed = 0; seed < 5_000; seed++) {
            Random random = new Random(seed);
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(24); i >= 0; i--) {
                text.append(words[random.nextInt(words.length)]);
            }
            try {
                assertThat(render(text.toString())).isNotNull();
            } catch (TemplateException e) {
                assertThat(e).as("seed %d", seed).hasMessageNotContaining("\n");
            }
        }
    }

    private static String render(String template) {
        return Template.parse(template).render(Map.of("messages", List.of()), LocalDate.EPOCH);
    }
}
