package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.console.Console;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.Shared;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// One command run in this process, with what it printed.
///
/// @param code exit code
/// @param out what went to standard output
/// @param err what went to standard error
record CommandRun(int code, String out, String err) {

    /// Runs `steelyard` with these arguments, turned into text.
    static CommandRun of(Object... arguments) {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        return onTerminal(false, err, err, arguments);
    }

    /// Runs a command that draws its progress for each layer, and lets `watcher` see it.
    static CommandRun watched(ProgressWatcher watcher, Object... arguments) {
        return onTerminal(true, watcher, watcher.text(), arguments);
    }

    /// Calibrates the tiny BF16 checkpoint on the reference's calibration text.
    static CommandRun calibrate(Path run, String recipe, Object... options) {
        return calibrate(model("bf16"), run, recipe, options);
    }

    /// Calibrates a checkpoint on the reference's calibration text.
    static CommandRun calibrate(Path checkpoint, Path run, String recipe, Object... options) {
        List<Object> arguments = new ArrayList<>(
                List.of("calibrate", checkpoint, "--recipe", recipe, "--data", calibrationText(), "--out", run));
        arguments.addAll(List.of(options));
        return of(arguments.toArray());
    }

    /// Returns a tiny checkpoint of the reference data.
    static Path model(String format) {
        return Shared.path("models/tiny-qwen3-moe-" + format);
    }

    static Path calibrationText() {
        return Shared.path("models/refs/calib.jsonl");
    }

    /// Returns the digests of what a run solved, by file.
    static Map<String, String> solved(Path run) {
        Map<String, String> digests = new TreeMap<>();
        Json.read(run.resolve("manifest.json"))
                .path("solved")
                .properties()
                .forEach(file -> digests.put(file.getKey(), file.getValue().textValue()));
        return digests;
    }

    /// Returns a shipped recipe.
    static String recipe(String name) {
        return "configs/recipes/%s.yaml".formatted(name);
    }

    /// Writes a shipped recipe with texts replaced, and returns the file.
    ///
    /// @param replacements each a text and what takes its place
    static String alteredRecipe(Path file, String name, String... replacements) {
        try {
            String recipe = Files.readString(Path.of(recipe(name)));
            for (int i = 0; i < replacements.length; i += 2) {
                assertThat(recipe).contains(replacements[i]);
                recipe = recipe.replace(replacements[i], replacements[i + 1]);
            }
            return Files.writeString(file, recipe).toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Returns this run after a look at its exit code.
    CommandRun expect(int expected) {
        assertThat(code).as("exit code; standard error:\n%s", err).isEqualTo(expected);
        return this;
    }

    /// Returns the result of a command that ran with `--json` and came to one.
    JsonNode json() {
        JsonNode envelope = envelope();
        assertThat(envelope.has("result")).as(out).isTrue();
        return envelope.get("result");
    }

    /// Returns standard output, which must be one JSON text of the common form and nothing else.
    JsonNode envelope() {
        JsonNode envelope = Json.parse(out);
        assertThat(envelope.properties())
                .extracting(Map.Entry::getKey)
                .containsExactlyElementsOf(
                        List.of("command", "ok", envelope.has("error") ? "error" : "result", "findings"));
        assertThat(envelope.get("ok").booleanValue()).isEqualTo(code == ExitCode.OK);
        assertThat(out).startsWith("{\n  \"command\" : \"").endsWith("\n}\n");
        return envelope;
    }

    private static CommandRun onTerminal(boolean terminal, OutputStream err, Object text, Object... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        String[] words = new String[arguments.length];
        for (int i = 0; i < words.length; i++) {
            words[i] = arguments[i].toString();
        }
        Console console = new Console(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                terminal);
        int code = Main.run(console, words);
        return new CommandRun(code, out.toString(StandardCharsets.UTF_8), text.toString());
    }
}
