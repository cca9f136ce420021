package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Faults found by attack, `cases/hostile`: what is written, and what is left alone.
final class HostileOutputCasesTest {

    @TempDir
    private Path temp;

    @ParameterizedTest
    @ValueSource(strings = {"file", "directory", "link"})
    void case01_stateDirDeletesUserFiles(String kind) throws IOException {
        HostileCase made = HostileCase.copy("01-state-dir-deletes-user-files", temp);
        Path state = made.path("o/state");
        Files.createDirectory(made.path("o"));
        if (kind.equals("link")) {
            Files.createSymbolicLink(state, Files.createDirectory(made.path("victims")));
        } else {
            Files.createDirectory(state);
        }
        Path notes = Files.writeString(state.resolve("notes.txt"), "precious");
        if (kind.equals("directory")) {
            Files.createDirectory(state.resolve("more"));
        }

        CommandRun run = made.calibrate("ck", "rec.yaml", "ids.jsonl", "o");
        assertThat(run.code()).isIn(ExitCode.OK, ExitCode.USAGE, ExitCode.BAD_INPUT);
        assertThat(run.err()).doesNotContain(run.code() == ExitCode.OK ? "error:" : "calibrate: layer");
        assertThat(notes).hasContent("precious");
    }

    @Test
    void case02_stateSymlinkOverwrites() throws IOException {
        HostileCase made = HostileCase.copy("02-state-symlink-overwrites", temp);
        Files.createDirectories(made.path("o/state"));
        Path victim = Files.writeString(made.path("victim"), "precious\n".repeat(1000));
        Files.createSymbolicLink(made.path("o/state/stream-0.bin"), victim);

        CommandRun run = made.calibrate("om", "rec.yaml", "ids.jsonl", "o");
        assertThat(run.code()).isIn(ExitCode.USAGE, ExitCode.BAD_INPUT);
        assertThat(victim).hasContent("precious\n".repeat(1000));
    }

    @ParameterizedTest
    @ValueSource(strings = {"flip", "elsewhere", "layers", "many layers", "nul", "escape", "lost", "empty", "short"})
    void case13_stateNotProtected(String tampering) throws IOException {
        HostileCase made = HostileCase.copy("13-state-not-protected", temp);
        ProgressWatcher breaking = new ProgressWatcher("layer 1/2", () -> {
            throw new IllegalStateException("broken off");
        });
        CommandRun.watched(breaking, made.calibration("om", "rec.yaml", "ids.jsonl", "run"));
        Path state = made.path("run/state");
        Path file = state.resolve("state.json");
        Path statistics = statisticsOf(state);
        ObjectNode json = (ObjectNode) Json.read(file);
        switch (tampering) {
            case "flip" -> {
                byte[] amax = new byte[4];
                ByteBuffer.wrap(amax).order(ByteOrder.LITTLE_ENDIAN).putFloat(3e4f);
                HostileCase.poke(statistics, "amax", amax);
            }
            case "elsewhere" -> {
                Path other = Files.copy(statistics, made.path("run/elsewhere.safetensors"));
                Files.delete(statistics);
                Files.createSymbolicLink(statistics, other);
            }
            case "layers" -> Files.writeString(file, json.put("layers_done", 3).toString());
            case "many layers" ->
                Files.writeString(
                        file, json.put("layers_done", Integer.MAX_VALUE).toString());
            case "nul" -> Files.writeString(file, json.put("statistics", "a\0b").toString());
            case "escape" ->
                Files.writeString(
                        file, json.put("statistics", "\u001b[31mX\nFAKE").toString());
            case "lost" -> Files.delete(statistics);
            case "empty" -> Files.writeString(file, "");
            default -> Files.write(streamOf(state), new byte[10]);
        }

        CommandRun run = made.calibrate("om", "rec.yaml", "ids.jsonl", "run").expect(ExitCode.BAD_INPUT);
        assertThat(run.err()).contains("run").doesNotContain("\u001b");
        HostileCase.assertOneError(run.err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"ar-EG", "fa", "tr"})
    void case15_localeDigits(String tag) throws IOException {
        HostileCase made = HostileCase.copy("15-locale-digits", temp);
        Object[] words = {
            "run", made.path("om"), "--recipe", made.path("recsh.yaml"), "--data", made.path("ids.jsonl"), "--out"
        };
        Map<String, Integer> expected = export(words, made.path("plain"));
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag(tag));
        try {
            assertThat(export(words, made.path("local"))).isEqualTo(expected);
        } finally {
            Locale.setDefault(before);
        }
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void case16_deviceNodeReplaced() throws Exception {
        HostileCase made = HostileCase.copy("16-device-node-replaced", temp);
        Path fifo = made.path("fifo");
        assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor())
                .isZero();

        CommandRun run =
                HostileCase.run("evaluate", made.path("ck"), "--data", made.path("ids.jsonl"), "--logits", fifo);
        assertThat(run.code()).isIn(ExitCode.USAGE, ExitCode.BAD_INPUT, ExitCode.RESOURCE);
        assertThat(run.err()).contains(fifo.toString());
        assertThat(Files.exists(fifo)).isTrue();
        assertThat(Files.isRegularFile(fifo, LinkOption.NOFOLLOW_LINKS)).isFalse();
    }

    @Test
    void case19_sideFileLinks() throws IOException {
        HostileCase made = HostileCase.copy("19-side-file-links", temp);
        Path secret = Files.writeString(made.path("id_rsa"), "secret");
        Files.createSymbolicLink(made.path("ck/LICENSE"), secret);

        CommandRun run = HostileCase.run(
                "run",
                made.path("ck"),
                "--recipe",
                made.path("rec.yaml"),
                "--data",
                made.path("ids.jsonl"),
                "--out",
                made.path("o"));
        assertThat(run.err()).contains("LICENSE");
        assertThat(run.code()).isIn(ExitCode.OK, ExitCode.BAD_INPUT);
        assertThat(made.path("o/export/LICENSE")).doesNotExist();
    }

    @Test
    void case20_concurrentExports() throws Exception {
        HostileCase made = HostileCase.calibrated(temp);
        Path out = made.path("X");
        Callable<CommandRun> export = () -> HostileCase.run("export", made.path("run"), "--out", out);
        try (ExecutorService two = Executors.newFixedThreadPool(2)) {
            List<CommandRun> runs = two.invokeAll(List.of(export, export)).stream()
                    .map(HostileOutputCasesTest::result)
                    .toList();
            assertThat(runs).anyMatch(run -> run.code() == ExitCode.OK);
            assertThat(runs)
                    .allMatch(run -> run.code() == ExitCode.OK || run.err().contains(out.toString()));
        }
        HostileCase.run("verify", out).expect(ExitCode.OK);
        try (Stream<Path> left = Files.list(made.folder())) {
            assertThat(left.filter(file -> file.getFileName().toString().contains("partial")))
                    .isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ck", "ck/x", "foreign", ""})
    void case22_outputLiesInInput(String out) throws IOException {
        HostileCase made = HostileCase.copy("22-output-lies-in-input", temp);
        Path foreign = Files.createDirectory(made.path("foreign"));
        Path recipe = Files.writeString(foreign.resolve("recipe.json"), "mine");
        Map<String, Integer> before = files(made.path("ck"));

        Object[] words = made.calibration("ck", "rec.yaml", "ids.jsonl", out, "--fresh");
        if (out.isEmpty()) {
            words[words.length - 2] = "";
        }
        HostileCase.run(words).expect(ExitCode.USAGE);
        assertThat(files(made.path("ck"))).isEqualTo(before);
        assertThat(recipe).hasContent("mine");
    }

    @ParameterizedTest
    @ValueSource(strings = {"ck/x", "run/x", "run", "ck"})
    void case22_exportLiesInInput(String out) throws IOException {
        HostileCase made = HostileCase.calibrated(temp);
        Map<String, Integer> before = files(made.path("ck"));

        HostileCase.run("export", made.path("run"), "--out", made.path(out)).expect(ExitCode.USAGE);
        assertThat(files(made.path("ck"))).isEqualTo(before);
        HostileCase.run("stats", made.path("run")).expect(ExitCode.OK);
    }

    @Test
    void case23_exportToLink() throws IOException {
        HostileCase made = HostileCase.calibrated(temp);
        Files.createDirectory(made.path("d"));
        Files.createSymbolicLink(made.path("l"), made.path("d"));

        CommandRun run = HostileCase.run("export", made.path("run"), "--out", made.path("l"));
        assertThat(run.code()).isIn(ExitCode.OK, ExitCode.USAGE);
        if (run.code() == ExitCode.OK) {
            HostileCase.run("verify", made.path("l")).expect(ExitCode.OK);
        }
    }

    @Test
    void case27_demoKill() throws IOException {
        Path demo = Files.createDirectories(temp.resolve("dd/checkpoint")).getParent();

        CommandRun.of("demo", "--out", demo).expect(ExitCode.OK);
    }

    private static Map<String, Integer> export(Object[] words, Path out) throws IOException {
        Object[] all = Stream.concat(Stream.of(words), Stream.of(out)).toArray();
        HostileCase.run(all).expect(ExitCode.OK);
        Map<String, Integer> files = files(out.resolve("export"));
        assertThat(files.keySet()).allMatch(name -> name.chars().allMatch(c -> c < 128));
        for (String name : files.keySet()) {
            if (name.endsWith(".json")) {
                assertThat(Files.readString(out.resolve("export").resolve(name)))
                        .matches("\\p{ASCII}*");
            }
        }
        files.remove("steelyard.json"); // holds the time and the path
        return files;
    }

    /// Returns names and digests of the files below a directory.
    private static Map<String, Integer> files(Path directory) throws IOException {
        Map<String, Integer> digests = new TreeMap<>();
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                digests.put(
                        directory.relativize(file).toString(),
                        ByteBuffer.wrap(Files.readAllBytes(file)).hashCode());
            }
        }
        return digests;
    }

    private static CommandRun result(Future<CommandRun> future) {
        return future.resultNow();
    }

    private static Path statisticsOf(Path state) throws IOException {
        return only(state, "statistics");
    }

    private static Path streamOf(Path state) throws IOException {
        JsonNode done = Json.read(state.resolve("state.json")).get("layers_done");
        return state.resolve("stream-%d.bin".formatted(done.intValue() % 2));
    }

    private static Path only(Path directory, String prefix) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> file.getFileName().toString().startsWith(prefix))
                    .findFirst()
                    .orElseThrow();
        }
    }
}
