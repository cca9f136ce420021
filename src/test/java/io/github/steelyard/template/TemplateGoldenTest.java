package io.github.steelyard.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.jinja.TemplateException;
import io.github.steelyard.testing.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Templates with the features of published ones, against what transformers' `apply_chat_template` makes of the same
/// chats (`scripts/golden/chat_templates.py`).
final class TemplateGoldenTest {

    private static final Path FOLDER = Path.of("src/test/resources/chat");
    private static final JsonNode GOLDEN = Json.read(FOLDER.resolve("expected.json"));

    static Stream<String> cases() {
        return GOLDEN.get("expected").propertyStream().map(Map.Entry::getKey);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void render_case_isAsTransformersHasIt(String name) throws IOException {
        String[] parts = name.split("/", -1);
        Template template = Template.parse(Files.readString(FOLDER.resolve(parts[0] + ".jinja")));
        JsonNode expected = GOLDEN.get("expected").get(name);
        Map<String, Object> variables = variables(GOLDEN.get("cases").get(parts[1]));

        if (expected.has("text")) {
            assertThat(template.render(variables, LocalDate.of(2026, 3, 14)))
                    .isEqualTo(expected.get("text").textValue());
        } else {
            boolean refusal = expected.get("error").textValue().equals("TemplateError");
            assertThatThrownBy(() -> template.render(variables, LocalDate.of(2026, 3, 14)))
                    .isInstanceOfSatisfying(
                            TemplateException.class,
                            e -> assertThat(e.isRefusal()).isEqualTo(refusal))
                    .hasMessageContaining(refusal ? expected.get("message").textValue() : "'+' between values");
        }
    }

    /// What transformers passes to every template.
    private static Map<String, Object> variables(JsonNode chat) {
        Map<String, Object> variables = new LinkedHashMap<>();
        variables.put("bos_token", "<bos>");
        variables.put("eos_token", "<eos>");
        variables.put("tools", Nothing.NONE);
        variables.put("documents", Nothing.NONE);
        variables.put("add_generation_prompt", false);
        chat.properties().forEach(entry -> variables.put(entry.getKey(), JsonValues.of(entry.getValue())));
        return variables;
    }
}
