package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.console.ExitCode;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Whatever a command is told to write to: files that it did not make are still there afterwards, as they were, and
/// wrong usage is said at once.
final class ForeignFilesTest {

    private static final String RECIPE = CommandRun.recipe("nvfp4-experts");

    @TempDir
    private Path temp;

    private SyntheticInputs inputs = new SyntheticInputs(Path.of(""));
    private Map<Path, String> before = Map.of();

    @BeforeEach
    void synthesise() throws IOException {
        inputs = SyntheticInputs.write(temp.resolve("model"), "bf16", 2);
        before = contents(inputs.checkpoint());
    }

    @AfterEach
    void inputsAreUntouched() throws IOException {
        assertThat(contents(inputs.checkpoint())).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "notes.txt",
                "state/notes.txt",
                "state/stream-0.bin",
                "state/inner/notes.txt",
                "recipe.json",
                "statistics.safetensors",
                "manifest.json"
            })
    void calibrate_directoryOfOthers_isRefused(String file) throws IOException {
        Path precious = write("out/" + file, "{\"name\": \"precious\"}");

        refused("did not make it", calibrate("out"));
        refused("did not make it", calibrate("out", "--fresh"));

        assertThat(precious).hasContent("{\"name\": \"precious\"}");
    }

    @Test
    void calibrate_stateThatIsALink_isRefused() throws IOException {
        Path victim = write("victims/stream-0.bin", "precious");
        Files.createDirectory(temp.resolve("out"));
        Files.createSymbolicLink(temp.resolve("out/state"), temp.resolve("victims"));

        refused("", calibrate("out"));

        assertThat(victim).hasContent("precious");
    }

    @Test
    void calibrate_finishedRunWithFilesOfOthersBeside_leavesThem() throws IOException {
        CommandRun.of(calibrate("out")).expect(ExitCode.OK);
        Path notes = write("out/notes.txt", "precious");
        Path inner = write("out/state/notes.txt", "precious");

        refused("holds 'notes.txt', which steelyard did not put there", calibrate("out"));
        refused("holds 'notes.txt', which steelyard did not put there", calibrate("out", "--fresh"));
        Files.delete(inner);
        Files.delete(inner.getParent());
        CommandRun.of(calibrate("out", "--fresh")).expect(ExitCode.OK);

        assertThat(notes).hasContent("precious");
    }

    @Test
    void outputs_inInputsOrAroundThem_areRefused() throws IOException {
        Files.createSymbolicLink(temp.resolve("link"), inputs.checkpoint());
        CommandRun.of(calibrate("run")).expect(ExitCode.OK);
        for (String out : List.of("model", "model/x", "link", "link/x", ".")) {
            refused("inputs are never written to", calibrate(out));
            refused("inputs are never written to", command("run", inputs.checkpoint(), out));
        }
        for (String out : List.of("model/x", "link/x", "run/x", "run/state")) {
            refused("inputs are never written to", "export", temp.resolve("run"), "--out", temp.resolve(out));
        }
        for (String file : List.of("model/model.safetensors", "model/logits", "link/logits")) {
            refused(
                    "inputs are never written to",
                    "evaluate",
                    inputs.checkpoint(),
                    "--data",
                    inputs.data(),
                    "--logits",
                    temp.resolve(file));
            refused("inputs are never written to", calibrate("run", "--profile", temp.resolve(file)));
        }
        assertThat(contents(temp.resolve("run")))
                .containsOnlyKeys(Path.of("manifest.json"), Path.of("recipe.json"), Path.of("statistics.safetensors"));
    }

    @Test
    void emptyPath_isRefusedForEveryCommand() {
        refused(
                "expected a path, found an empty text",
                "calibrate",
                inputs.checkpoint(),
                "--recipe",
                RECIPE,
                "--out",
                "");
        refused("expected a path, found an empty text", "run", inputs.checkpoint(), "--recipe", RECIPE, "--out", "");
        refused("expected a path, found an empty text", "export", temp, "--out", "");
        refused("expected a path, found an empty text", "demo", "--out", "");
        refused("expected a path, found an empty text", "synthesize", "bench-a", "--seed", 1, "--out", "");
        refused("expected a path, found an empty text", "stats", "");
    }

    @Test
    void files_overLinksPipesAndDirectories_areRefusedBeforeAnyWork() throws Exception {
        Path victim = write("victim", "precious");
        Path link = Files.createSymbolicLink(temp.resolve("file-link"), victim);
        Path pipe = temp.resolve("pipe");
        assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor())
                .isZero();
        for (Path there : List.of(link, pipe, Files.createDirectory(temp.resolve("directory")))) {
            refused(
                    "only a regular file is replaced",
                    "evaluate",
                    inputs.checkpoint(),
                    "--data",
                    inputs.data(),
                    "--logits",
                    there);
            refused("only a regular file is replaced", calibrate("out", "--profile", there));
        }
        assertThat(victim).hasContent("precious");
        assertThat(temp.resolve("out")).doesNotExist();
    }

    @Test
    void export_again_isHarmless_andAnotherOneIsNeverReplaced() throws IOException {
        CommandRun.of(calibrate("run")).expect(ExitCode.OK);
        CommandRun.of(export("out")).expect(ExitCode.OK);
        Map<Path, String> written = contents(temp.resolve("out"));

        assertThat(CommandRun.of(export("out")).expect(ExitCode.OK).out()).contains("already complete");
        for (String[] change : new String[][] {
            {"steelyard.json", "development", "0.0", "what differs: tool of 'version'; move it away"},
            {"steelyard.json", "\"amax\"", "\"amay\"", "what differs: scales of 'model.layers.0.mlp.experts.0.down_proj"
            },
            {"steelyard.json", "steelyard", "other", "steelyard did not make it"},
            {"config.json", "{", "{ ", "what differs: config.json"},
        }) {
            byte[] kept = Files.readAllBytes(temp.resolve("out").resolve(change[0]));
            alter("out/" + change[0], change[1], change[2]);
            refused(change[3], export("out"));
            Files.write(temp.resolve("out").resolve(change[0]), kept);
        }
        Path second = write("out/model-2.safetensors", "precious");
        refused("what differs: the files of tensors", export("out"));
        Files.delete(second);
        write("out/README.md", "of the user");

        assertThat(CommandRun.of(export("out")).expect(ExitCode.OK).out()).contains("already complete");
        Files.delete(temp.resolve("out/README.md"));
        assertThat(contents(temp.resolve("out"))).isEqualTo(written);
    }

    @Test
    void export_thatIsThereAndDamaged_isNotCalledComplete() throws IOException {
        CommandRun.of(calibrate("run")).expect(ExitCode.OK);
        CommandRun.of(export("out")).expect(ExitCode.OK);
        Path shard = temp.resolve("out/model.safetensors");
        try (FileChannel channel = FileChannel.open(shard, StandardOpenOption.WRITE)) {
            channel.truncate(Files.size(shard) / 2);
        }

        CommandRun run = CommandRun.of(export("out")).expect(ExitCode.GATE);

        assertThat(run.err()).contains("the export that is there is not sound; remove it to have it written anew");
        assertThat(shard).exists();
    }

    @Test
    void export_brokenOff_startsAgainAndLeavesNothing() throws IOException {
        CommandRun.of(calibrate("run")).expect(ExitCode.OK);
        CommandRun.of(export("whole")).expect(ExitCode.OK);
        write(".out.steelyard-partial/lock", "steelyard: work under way\n");
        write(".out.steelyard-partial/content/model.safetensors.steelyard-partial", "half");
        write(".whole.steelyard-partial/lock", "");

        CommandRun.of(export("out")).expect(ExitCode.OK);
        CommandRun.of(export("whole")).expect(ExitCode.OK);

        assertThat(contents(temp.resolve("out"))).isEqualTo(contents(temp.resolve("whole")));
        try (Stream<Path> files = Files.list(temp)) {
            assertThat(files.map(file -> file.getFileName().toString())).noneMatch(name -> name.startsWith("."));
        }
    }

    @Test
    void export_thatAnotherProcessWrites_isRefusedAtOnce() throws IOException {
        CommandRun.of(calibrate("run")).expect(ExitCode.OK);
        Path lock = write(".out.steelyard-partial/lock", "steelyard: work under way\n");
        try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.WRITE)) {
            assertThat(channel.lock().isValid()).isTrue();
            refused("another process is at work here", export("out"));
        }
        CommandRun.of(export("out")).expect(ExitCode.OK);
    }

    @Test
    void export_toALinkToAnEmptyDirectory_isWrittenThere() throws IOException {
        CommandRun.of(calibrate("run")).expect(ExitCode.OK);
        Path directory = Files.createDirectory(temp.resolve("directory"));
        Files.createSymbolicLink(temp.resolve("out"), directory);
        Files.createSymbolicLink(temp.resolve("dangling"), temp.resolve("none"));

        CommandRun.of(export("out")).expect(ExitCode.OK);
        refused("exists and is not a directory", export("dangling"));

        assertThat(temp.resolve("out")).isSymbolicLink();
        assertThat(directory.resolve("model.safetensors")).exists();
    }

    @Test
    void run_directoryOfOthers_isRefused() throws IOException {
        Path notes = write("out/notes.txt", "precious");
        refused("did not make it", command("run", inputs.checkpoint(), "out"));
        Files.move(notes, temp.resolve("notes.txt"));
        write("out/export/notes.txt", "precious");
        refused("did not make it", command("run", inputs.checkpoint(), "out"));
        assertThat(temp.resolve("out/run")).doesNotExist();
    }

    @Test
    void run_again_isHarmless_andFreshDoesNotCalibrateForNothing() throws IOException {
        Files.createDirectories(temp.resolve("out/run/state")); // of a process killed at once
        CommandRun.of(command("run", inputs.checkpoint(), "out")).expect(ExitCode.OK);
        Map<Path, String> written = contents(temp.resolve("out"));

        CommandRun again =
                CommandRun.of(command("run", inputs.checkpoint(), "out")).expect(ExitCode.OK);
        refused("holds an earlier export", command("run", inputs.checkpoint(), "out", "--fresh"));

        assertThat(again.out()).contains("out/run: already complete", "already complete " + temp.resolve("out/export"));
        assertThat(contents(temp.resolve("out"))).isEqualTo(written);
    }

    @Test
    void demo_begunAndKilled_goesOn_andLeavesFilesOfOthers() throws IOException {
        Files.createDirectories(temp.resolve("demo/checkpoint"));
        CommandRun.of("demo", "--out", temp.resolve("demo")).expect(ExitCode.OK);
        Path notes = write("demo/notes.txt", "precious");
        CommandRun.of("demo", "--out", temp.resolve("demo")).expect(ExitCode.OK);
        assertThat(notes).hasContent("precious");

        write("mine/checkpoint/config.json", "precious");
        refused("did not make it", "demo", "--out", temp.resolve("mine"));
    }

    @Test
    void manifest_withAPathThatIsNone_isRefused() throws IOException {
        CommandRun.of(calibrate("run")).expect(ExitCode.OK);
        for (String input : List.of("checkpoint", "recipe", "data")) {
            String kept = Files.readString(temp.resolve("run/manifest.json"));
            alter("run/manifest.json", "\"%s\" : {\n    \"path\" : \"".formatted(input), "$0a\\u0000");
            CommandRun run = CommandRun.of("stats", temp.resolve("run")).expect(ExitCode.BAD_INPUT);
            assertThat(run.err()).contains("%s.path: wanted a path, found \"a\\u0000".formatted(input));
            Files.writeString(temp.resolve("run/manifest.json"), kept);
        }
    }

    private static void refused(String message, Object... arguments) {
        CommandRun run = CommandRun.of(arguments).expect(ExitCode.USAGE);

        assertThat(run.err()).contains(message).doesNotContain("\tat ", "calibrate: layer");
        assertThat(run.err().lines().filter(line -> line.startsWith("error: "))).hasSize(1);
    }

    private void alter(String file, String text, String replacement) throws IOException {
        Path path = temp.resolve(file);
        String content = Files.readString(path);
        assertThat(content).contains(text);
        Files.writeString(path, content.replace(text, replacement.replace("$0", text)));
    }

    private Object[] calibrate(String out, Object... options) {
        return command("calibrate", inputs.checkpoint(), out, options);
    }

    private Object[] command(String name, Path checkpoint, String out, Object... options) {
        List<Object> all = new ArrayList<>(List.of(
                name,
                checkpoint,
                "--recipe",
                RECIPE,
                "--data",
                inputs.data(),
                "--gemm",
                "vector",
                "--out",
                temp.resolve(out)));
        all.addAll(List.of(options));
        return all.toArray();
    }

    private Object[] export(String out) {
        return new Object[] {"export", temp.resolve("run"), "--out", temp.resolve(out)};
    }

    private Path write(String name, String text) throws IOException {
        Path file = temp.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    private static Map<Path, String> contents(Path directory) throws IOException {
        Map<Path, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                contents.put(directory.relativize(file), Digests.ofFile(file));
            }
        }
        return contents;
    }
}
