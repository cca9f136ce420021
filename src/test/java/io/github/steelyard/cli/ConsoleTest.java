package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.console.Console;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.files.Finding;
import io.github.steelyard.testing.TinySafetensors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The one place that prints: nothing from a foreign file steers the terminal, no error has two lines, and nothing that
/// was printed is lost without a word.
final class ConsoleTest {

    private static final String FORGED = "\u001b[2J\r\nerror: forged\u0085\u202e\u2066\u009b31m";

    @TempDir
    private Path temp;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @Test
    void everyLine_isCleaned() {
        Console console = new Console(out, err, false);
        console.print(FORGED);
        console.note(FORGED);
        console.error(FORGED);
        console.warn(FORGED);
        console.finding(Finding.error("x", "y", FORGED));
        console.trace("\tat " + FORGED);
        console.redraw(FORGED);

        assertClean(out.toString(StandardCharsets.UTF_8));
        assertThat(err.toString(StandardCharsets.UTF_8).replace("\u001b[K", "").replace("\r", ""))
                .satisfies(ConsoleTest::assertClean);
    }

    @Test
    void note_afterARedrawnLine_beginsItsOwn() {
        Console console = new Console(out, err, true);
        console.redraw("half");
        console.note("note");
        console.endRedrawing();

        assertThat(err.toString(StandardCharsets.UTF_8)).isEqualTo("\rhalf\u001b[K\nnote\n");
    }

    @Test
    void findings_manyOfAKind_areCountedNotShown() {
        Console console = new Console(out, err, false);
        for (int i = 0; i < 500; i++) {
            console.finding(Finding.error("nan", "t" + i, "t" + i));
        }

        assertThat(err.toString(StandardCharsets.UTF_8).lines())
                .hasSize(21)
                .last()
                .isEqualTo("more of the kind 'nan' are not shown; --json has them all");
        assertThat(console.findings()).hasSize(500);
    }

    // Where foreign text reaches a message: tensor names, keys of data and of JSON, recipes, paths, arguments.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "inspect DIR",
                "inspect DIR --check",
                "verify DIR",
                "inspect DIR --json",
                "verify DIR --json",
                "evaluate DIR --data DATA",
                "evaluate DIR --data DATA --json",
                "plan DIR --recipe RECIPE",
                "calibrate DIR --recipe RECIPE --data DATA --out OUT --verbose",
                "stats NAME",
                "stats NAME --json",
                "NAME",
                "inspect --NAME",
                "inspect --threads NAME",
                "backends select --format NAME --device sm100",
                "stats RUN",
            })
    void foreignText_neverSteersTheTerminal(String command) throws IOException {
        Path directory = Files.createDirectory(temp.resolve("model"));
        new TinySafetensors().f32("a" + FORGED, new long[] {1}, 1f).write(directory.resolve("model.safetensors"));
        Files.writeString(
                directory.resolve("config.json"), """
                {"model_type": "qwen3_moe%1$s", "quantization_config": {"quant_method": "%1$s"}, "%1$s": 1}
                """.formatted("\\u001b[2J\\r\\nerror: forged\\u0085\\u202e"));
        Path data = Files.writeString(
                temp.resolve("data.jsonl"), "{\"\\u001b[2J\\nerror: forged\": 1, \"\\u001b[2J\\nerror: forged\": 1}\n");
        Path recipe = Files.writeString(
                temp.resolve("recipe.yaml"),
                "metadata: {recipe_type: \"\\e[2J\\nerror: forged\\u202e\"}\nquantize: {}\n");
        Path run = Files.createDirectory(temp.resolve("run"));
        Files.writeString(
                run.resolve("manifest.json"), "{\"\\u001b[2J\\nerror: forged\": 1, \"schema\": \"\\u202e\\u0085\"}");
        Object[] words = List.of(command.split(" ")).stream()
                .map(word -> word.replace("DIR", directory.toString())
                        .replace("DATA", data.toString())
                        .replace("RECIPE", recipe.toString())
                        .replace("OUT", temp.resolve("out").toString())
                        .replace("RUN", run.toString())
                        .replace("NAME", FORGED))
                .toArray();
        CommandRun result = CommandRun.of(words);

        assertThat(result.code()).isIn(0, 1, 2, 3);
        assertClean(result.out());
        assertClean(result.err());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''                                            | steelyard        | 2",
                "no-such-command                               | steelyard        | 2",
                "verify                                        | verify           | 2",
                "verify a b                                    | verify           | 2",
                "backends                                      | backends         | 2",
                "backends select --format fp8                  | backends select  | 2",
                "inspect . --threads x                         | inspect          | 2",
                "inspect no-such-directory                     | inspect          | 3",
                "verify no-such-directory                      | verify           | 3",
                "stats no-such-directory                       | stats            | 3",
                "plan no-such-directory                        | plan             | 3",
                "backends select --case no-such-file           | backends select  | 3",
                "evaluate . --data x.jsonl                     | evaluate         | 3",
                "synthesize no-such-preset --seed 1 --out x    | synthesize       | 2",
            })
    void error_isOneLine_andTheSameInJson(String command, String name, int code) {
        Object[] words = command.isEmpty() ? new Object[0] : (Object[]) command.split(" ");
        CommandRun text = CommandRun.of(words).expect(code);
        CommandRun json = CommandRun.of(
                Stream.concat(Arrays.stream(words), Stream.of("--json")).toArray());

        assertThat(text.out()).isEmpty();
        assertThat(text.err().lines()).hasSize(1).allMatch(line -> line.startsWith("error: "));
        JsonNode envelope = json.envelope();
        assertThat(envelope.get("command").textValue()).isEqualTo(name);
        if (envelope.has("error")) {
            assertThat(json.err())
                    .isEqualTo("error: " + envelope.at("/error/message").textValue() + "\n");
            assertThat(envelope.at("/error/exit_code").intValue()).isEqualTo(json.code());
        } else {
            assertThat(envelope.get("findings")).isNotEmpty();
        }
    }

    @Test
    void error_namesTheFile() {
        JsonNode error = CommandRun.of("stats", "no-such-directory", "--json")
                .expect(3)
                .envelope()
                .get("error");

        assertThat(error.get("path").textValue()).contains("no-such-directory");
        assertThat(error.get("line").isNull()).isTrue();
    }

    @ParameterizedTest
    @CsvSource({"No space left on device, 4, 1", "Broken pipe, 141, 0"})
    void lostOutput_isNoSuccess(String reason, int code, long lines) {
        OutputStream full = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException(reason);
            }
        };
        for (String command :
                List.of("backends list", "backends list --json", "--help", "inspect --help", "--version")) {
            err.reset();

            assertThat(Main.run(new Console(full, err, false), command.split(" ")))
                    .as(command)
                    .isEqualTo(code);
            assertThat(err.toString(StandardCharsets.UTF_8).lines())
                    .hasSize((int) lines)
                    .allMatch(line -> line.equals("error: standard output: cannot be written: " + reason));
        }
    }

    @Test
    void lostOutput_ofTheProgram_isSeen() throws InterruptedException {
        try (ProgramProcess program = ProgramProcess.startAfter("exec >/dev/full", "never", "backends", "list")) {
            assertThat(program.exitCode()).as(program.err()).isEqualTo(ExitCode.RESOURCE);
            assertThat(program.err()).contains("error: standard output: cannot be written: ");
        }
    }

    private static void assertClean(String text) {
        assertThat(text.replace("\n\t", "\n").codePoints())
                .allMatch(c -> c == '\n'
                        || (Character.getType(c) != Character.CONTROL
                                && Character.getType(c) != Character.FORMAT
                                && c != 0x2028
                                && c != 0x2029));
        assertThat(text.lines()).noneMatch(line -> line.startsWith("error: forged"));
    }
}
