package io.github.steelyard.corpus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.steelyard.corpus.DataOptions.Packing;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
final class CalibrationSetTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Path DEMO_TOKENIZER = Path.of("src/main/resources/demo/checkpoint/tokenizer.json");
    private static final int VOCABULARY = 1040;

    @TempDir
    private Path directory;

    @Test
    void read_referenceCalibration_hasItsIdsFromIdsAndFromText() throws IOException {
        Path file = Shared.path("models/refs/calib.jsonl");
        List<String> lines = Files.readAllLines(file);
        StringBuilder texts = new StringBuilder();
        for (String line : lines) {
            texts.append(JSON.createObjectNode()
                            .put("text", JSON.readTree(line).get("text").asText()))
                    .append('\n');
        }

        CalibrationSet ids = read(file, DataOptions.DEFAULT);
        CalibrationSet text = read(write("text.jsonl", texts.toString()), DataOptions.DEFAULT);

        assertThat(ids.count()).isEqualTo(8);
        assertThat(ids.tokens()).isEqualTo(8 * 128);
        for (int i = 0; i < 8; i++) {
            JsonNode expected = JSON.readTree(lines.get(i)).get("token_ids");
            assertThat(ids.sequence(i)).isEqualTo(JSON.convertValue(expected, int[].class));
            assertThat(text.sequence(i)).isEqualTo(ids.sequence(i));
        }
        assertThat(text.digest()).isEqualTo(ids.digest());
        assertThat(text.files().getFirst().digest())
                .isNotEqualTo(ids.files().getFirst().digest());
    }

    @Test
    void read_packingNone_cutsAndCounts() throws IOException {
        CalibrationSet set = read(documents(5, 0, 3, 8), options(4, Packing.NONE));

        assertThat(sequences(set)).containsExactly(List.of(0, 1, 2, 3), List.of(10, 11, 12), List.of(20, 21, 22, 23));
        assertThat(set.counts()).isEqualTo(new CalibrationSet.Counts(3, 1, 0, 2, 5, 0));
        assertThat(set.tokens()).isEqualTo(11);
        assertThat(set.longest()).isEqualTo(4);
    }

    @Test
    void read_packingConcatenate_joinsWithEndOfText() throws IOException {
        CalibrationSet set = read(documents(5, 0, 3), options(4, Packing.CONCATENATE));

        assertThat(sequences(set)).containsExactly(List.of(0, 1, 2, 3), List.of(4, 999, 10, 11), List.of(12));
        assertThat(set.counts()).isEqualTo(new CalibrationSet.Counts(2, 1, 0, 0, 0, 1));
    }

    @Test
    void read_packingConcatenateWithAMost_countsWhatIsLeft() throws IOException {
        DataOptions options =
                new DataOptions(List.of(), OptionalInt.of(2), 4, Packing.CONCATENATE, OptionalLong.empty(), true);

        CalibrationSet set = read(documents(5, 6, 2, 2), options);

        assertThat(sequences(set)).containsExactly(List.of(0, 1, 2, 3), List.of(4, 999, 10, 11));
        assertThat(set.counts()).isEqualTo(new CalibrationSet.Counts(2, 0, 2, 1, 4, 1));
    }

    @Test
    void read_maxSequences_countsTheRestWithoutReadingIt() throws IOException {
        Path file = write("d.jsonl", "{\"input_ids\": [1, 2]}\n\n{\"input_ids\": [3]}\nthis is no JSON\n{}\n");

        CalibrationSet set =
                read(file, new DataOptions(List.of(), OptionalInt.of(2), 8, Packing.NONE, OptionalLong.empty(), true));

        assertThat(sequences(set)).containsExactly(List.of(1, 2), List.of(3));
        assertThat(set.counts().unusedDocuments()).isEqualTo(2);
    }

    @Test
    void read_fileDigest_isThatOfTheWholeFile() throws IOException {
        Path file = write("d.jsonl", "{\"input_ids\": [1, 2]}\n{\"input_ids\": [3]}");

        // sha256sum of these bytes
        assertThat(read(file, DataOptions.DEFAULT).files().getFirst().digest())
                .isEqualTo("804d6d6e0c3ee7b165ed19661e73a98691e3bfb3738eb44e86993241f917e3ec");
        // sha256 of struct.pack('<ii', ...) over 2, 1, 2, 1, 3
        assertThat(read(file, DataOptions.DEFAULT).digest())
                .isEqualTo("da72f95aa502d5fd17aaa9ed8898384c02a1ceabe69fdc069832b625bf7e26bc");
    }

    @Test
    void read_seed_shufflesTheSameWayEachTime() throws IOException {
        Path file = documents(IntStream.range(0, 50).map(i -> 2).toArray());

        List<List<Integer>> first = sequences(read(file, seeded(7, OptionalInt.empty())));
        List<List<Integer>> again = sequences(read(file, seeded(7, OptionalInt.empty())));
        List<List<Integer>> other = sequences(read(file, seeded(8, OptionalInt.empty())));
        List<List<Integer>> some = sequences(read(file, seeded(7, OptionalInt.of(5))));
        List<List<Integer>> plain = sequences(read(file, DataOptions.DEFAULT));

        assertThat(first).isEqualTo(again).isNotEqualTo(other).isNotEqualTo(plain);
        assertThat(first).containsExactlyInAnyOrderElementsOf(plain);
        assertThat(some).isEqualTo(first.subList(0, 5));
    }

    @Test
    void read_plainText_isOneDocumentCutIntoSequences() throws IOException {
        String text = "To be, or not to be.\n\nThat is the question: whether 'tis nobler.\n".repeat(5);
        Path file = write("play.txt", "\uFEFF" + text);

        CalibrationSet set = read(file, options(16, Packing.NONE));

        List<Integer> joined = sequences(set).stream().flatMap(List::stream).toList();
        try (Tokenizer tokenizer = Tokenizer.at(DEMO_TOKENIZER)) {
            assertThat(joined.stream().mapToInt(Integer::intValue).toArray()).isEqualTo(tokenizer.encode(text, true));
        }
        assertThat(sequences(set).subList(0, set.count() - 1))
                .allSatisfy(ids -> assertThat(ids).hasSize(16));
        assertThat(set.counts()).isEqualTo(new CalibrationSet.Counts(1, 0, 0, 0, 0, 0));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"text\": 1} | text: expected a string, found an integer",
                "{\"text\": null} | text: expected a string, found null",
                "{\"input_ids\": \"1\"} | input_ids: expected a list of integers, found a string",
                "{\"input_ids\": [1, 2.5]} | input_ids[1]: expected an integer of 32 bits, found a fraction",
                "{\"input_ids\": [99999999999]} | input_ids[0]: expected an integer of 32 bits, found an integer",
                "{\"input_ids\": [[1]]} | input_ids[0]: expected an integer of 32 bits, found a list",
                "{\"input_ids\": [1], \"token_ids\": [1]} | both input_ids and token_ids; give one of them",
                "{\"messages\": []} | a chat without messages",
                "[1, 2] | expected a JSON object, found a list",
                "{\"text\": \"a\"} {} | more than one JSON value on the line",
                "{\"text\": \"a\", \"text\": \"b\"} | not JSON: Duplicate field 'text'",
                "{\"text\": \"a | not JSON: Unexpected end-of-input",
                "{\"text\": \"\\ud800\"} | text: half a surrogate pair (\\ud800) at character 0",
                "{\"input_ids\": [1040]} | token 0 has id 1040, outside the model's vocabulary of 1040",
                "{\"input_ids\": [1, -1]} | token 1 has id -1, outside the model's vocabulary of 1040",
                "nonsense | not JSON: Unrecognized token 'nonsense'",
            })
    void read_badLine_namesFileAndLine(String line, String message) throws IOException {
        Path file = write("bad.jsonl", "{\"input_ids\": [1]}\n\n" + line + "\n");

        refused(file, file + ":3: " + message);
    }

    @Test
    void read_deepNesting_isRefused() throws IOException {
        Path file = write("deep.jsonl", "{\"a\": " + "[".repeat(100_000) + "\n");

        refused(file, file + ":1: not JSON: Document nesting depth (101) exceeds the maximum allowed (100");
    }

    @Test
    void read_hugeLine_isRefused() throws IOException {
        Path file = write("huge.jsonl", "{\"text\": \"" + "a".repeat(Lines.LONGEST) + "\"}\n");

        refused(file, file + ":1: line is longer than 16777216 bytes");
    }

    @Test
    void read_notUtf8_namesTheLine() throws IOException {
        Path file = Files.write(
                directory.resolve("latin.jsonl"),
                "{\"input_ids\": [1]}\n{\"text\": \"caf\u00e9\"}\n".getBytes(StandardCharsets.ISO_8859_1));

        refused(file, file + ":2: not UTF-8");
    }

    @Test
    void read_noDataFile_isRefused() throws IOException {
        refused(directory.resolve("none.jsonl"), directory.resolve("none.jsonl") + ": not found");
        refused(directory, directory + ": no data file in it (.jsonl, .txt; .gz, .zst)");
        refused(write("empty.jsonl", "\n\n"), ": no token in it; documents without text: 0");
        refused(write("blank.jsonl", "{\"text\": \"\"}\n"), ": no token in it; documents without text: 1");
        refused(Files.createDirectory(directory.resolve("d.jsonl")), ": not a regular file");
    }

    @Test
    void read_linesLongerThanTheBuffer_areWhole() throws IOException {
        String ids = IntStream.range(0, 40_000)
                .mapToObj(i -> Integer.toString(i % 1000))
                .reduce((a, b) -> a + "," + b)
                .orElseThrow();
        Path file = write("long.jsonl", "\uFEFF{\"input_ids\": [%s]}\r\n{\"input_ids\": [%s]}".formatted(ids, ids));

        CalibrationSet set = read(file, options(1 << 20, Packing.NONE));

        assertThat(set.count()).isEqualTo(2);
        assertThat(set.sequence(1))
                .isEqualTo(IntStream.range(0, 40_000).map(i -> i % 1000).toArray());
    }

    @Test
    void sequence_changedByTheCaller_staysInTheSet() {
        CalibrationSet set = CalibrationSet.of(List.of(new int[] {1, 2}));
        set.sequence(0)[0] = 9;

        assertThat(set.sequence(0)).containsExactly(1, 2);
    }

    private void refused(Path file, String part) {
        assertThatThrownBy(() -> read(file, DataOptions.DEFAULT))
                .isInstanceOf(CorpusException.class)
                .hasMessageContaining(part)
                .hasMessageNotContaining("\n");
    }

    /// Document `i` has the ids from `10 i` on.
    private Path documents(int... lengths) throws IOException {
        StringBuilder lines = new StringBuilder();
        int base = 0;
        for (int length : lengths) {
            int from = base;
            lines.append("{\"input_ids\": %s}\n"
                    .formatted(IntStream.range(from, from + length).boxed().toList()));
            base += length > 0 ? 10 : 0;
        }
        return write("documents.jsonl", lines.toString());
    }

    private Path write(String name, String text) throws IOException {
        return Files.writeString(directory.resolve(name), text);
    }

    private static CalibrationSet read(Path file, DataOptions options) {
        try (Tokenizer tokenizer = Tokenizer.at(DEMO_TOKENIZER)) {
            return CalibrationSet.read(
                    options.withSources(List.of(DataSource.of(file))),
                    tokenizer,
                    VOCABULARY,
                    () -> OptionalInt.of(999));
        }
    }

    private static DataOptions options(int length, Packing packing) {
        return new DataOptions(List.of(), OptionalInt.empty(), length, packing, OptionalLong.empty(), true);
    }

    private static DataOptions seeded(long seed, OptionalInt most) {
        return new DataOptions(List.of(), most, 16, Packing.NONE, OptionalLong.of(seed), true);
    }

    private static List<List<Integer>> sequences(CalibrationSet set) {
        List<List<Integer>> sequences = new ArrayList<>();
        for (int i = 0; i < set.count(); i++) {
            sequences.add(IntStream.of(set.sequence(i)).boxed().toList());
        }
        return sequences;
    }
}
