package io.github.steelyard.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// The text of `calibration-data`.
final class ShippedTextTest {

    private static final Path GENERAL = Path.of("calibration-data/general.jsonl");
    private static final ObjectMapper JSON = new ObjectMapper();

    @Test
    void general_everyLine_isATextOfItsOwn() throws IOException {
        Set<String> paragraphs = new HashSet<>();
        List<String> lines = Files.readAllLines(GENERAL);
        for (String line : lines) {
            JsonNode json = JSON.readTree(line);
            assertThat(json.get("source").asText()).isNotBlank();
            assertThat(json.get("text").asText()).hasSizeBetween(100, 4000);
            for (String paragraph : json.get("text").asText().split("\n\n", -1)) {
                assertThat(paragraph.length() < 60 || paragraphs.add(paragraph))
                        .as(paragraph)
                        .isTrue();
            }
        }
        assertThat(Files.readString(Path.of("calibration-data/README.md")))
                .contains("| `general.jsonl` | %d |".formatted(lines.size()));
    }

    @Test
    void general_asCalibrationData_isUsedWhole() {
        try (Tokenizer tokenizer = Tokenizer.at(Path.of("src/main/resources/demo/checkpoint/tokenizer.json"))) {
            CalibrationSet set = CalibrationSet.read(
                    DataOptions.DEFAULT.withSources(List.of(DataSource.of(GENERAL))),
                    tokenizer,
                    1040,
                    OptionalInt::empty);

            assertThat(set.count()).isEqualTo(117);
            assertThat(set.counts()).isEqualTo(new CalibrationSet.Counts(117, 0, 0, 0, 0, 0));
        }
    }
}
