package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.console.ExitCode;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// A calibration that was broken off goes on where it stopped, or says why it does not. Processes are killed in
/// `KillTest`.
final class ResumeTest {

    private static final String FORMAT_BF16 = "bf16";

    @TempDir
    private Path temp;

    private SyntheticInputs inputs = new SyntheticInputs(Path.of(""));

    @BeforeEach
    void synthesise() {
        inputs = SyntheticInputs.write(temp.resolve("inputs"), FORMAT_BF16);
    }

    @Test
    void brokenRun_goesOnAfterTheLastFinishedLayer_withTheSameBytes() throws IOException {
        byte[] expected = undisturbed();
        breakOff("layer 3/6");

        ProgressWatcher watcher = new ProgressWatcher("layer", () -> {});
        CommandRun.watched(watcher, arguments("run")).expect(ExitCode.OK);

        assertThat(watcher.text().toString()).contains("layer 3/6", "layer 6/6").doesNotContain("layer 2/6");
        assertThat(statistics("run")).isEqualTo(expected);
        assertThat(temp.resolve("run/state")).doesNotExist();
    }

    @Test
    void brokenRun_allLayersDone_stillMeasuresTheHead() throws IOException {
        byte[] expected = undisturbed();
        breakOff("layer 6/6");

        CommandRun.of(arguments("run")).expect(ExitCode.OK);

        assertThat(statistics("run")).isEqualTo(expected);
    }

    @Test
    void finishedRun_isNotRunAgain() throws IOException {
        byte[] expected = undisturbed();
        Files.createDirectory(temp.resolve("undisturbed/state")); // of a process killed while it cleaned up
        Files.createFile(temp.resolve("undisturbed/state/lock"));
        Files.writeString(temp.resolve("undisturbed/state/stream-0.bin"), "…");

        CommandRun again = CommandRun.of(arguments("undisturbed", "--json")).expect(ExitCode.OK);

        assertThat(again.json().get("status").textValue()).isEqualTo("already complete");
        assertThat(again.err()).doesNotContain("calibrate: layer");
        assertThat(statistics("undisturbed")).isEqualTo(expected);
        assertThat(temp.resolve("undisturbed/state")).doesNotExist();
    }

    @Test
    void fresh_startsAgain_andAnEarlierResultCountsNoMore() throws IOException {
        byte[] expected = undisturbed();
        ProgressWatcher breaking = new ProgressWatcher("layer 2/6", ResumeTest::fail);
        CommandRun.watched(breaking, arguments("undisturbed", "--fresh")).expect(ExitCode.INTERNAL);

        CommandRun.of("stats", temp.resolve("undisturbed")).expect(ExitCode.BAD_INPUT);
        CommandRun resumed = CommandRun.of(arguments("undisturbed", "--json")).expect(ExitCode.OK);

        assertThat(resumed.json().get("status").textValue()).isEqualTo("complete");
        assertThat(statistics("undisturbed")).isEqualTo(expected);
    }

    @Test
    void changedRecipe_isRefusedAndItsKeysNamed() {
        breakOff("layer 2/6");
        String recipe = CommandRun.alteredRecipe(
                temp.resolve("recipe.yaml"),
                "nvfp4-experts",
                ", block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}",
                "",
                "e2m1",
                "e4m3");

        refused(
                "quantize.quant_cfg[1]: *.experts.*weight_quantizer: on, [num_bits: e4m3] here, *.experts.*weight_quantizer"
                        + ": on, [num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}] in the run",
                arguments("run", inputs.checkpoint(), inputs.data(), recipe));
    }

    @Test
    void recipeKeysThatChangeNoStatistics_neitherBreakAnUnfinishedRunNorAFinishedOne() throws IOException {
        byte[] expected = undisturbed();
        breakOff("layer 2/6");
        String recipe = CommandRun.alteredRecipe(
                temp.resolve("recipe.yaml"),
                "nvfp4-experts",
                "sharing: expert",
                "sharing: layer",
                "starved_experts: fail",
                "starved_experts: layer_max",
                "\ncalibration:\n",
                "    - {quantizer_name: '*no_such_module*', enable: false}\n\ncalibration:\n");

        CommandRun resumed = CommandRun.of(arguments("run", inputs.checkpoint(), inputs.data(), recipe))
                .expect(ExitCode.OK);
        CommandRun finished = CommandRun.of(arguments("undisturbed", inputs.checkpoint(), inputs.data(), recipe))
                .expect(ExitCode.OK);

        assertThat(resumed.err()).doesNotContain("layer 1 of 6");
        assertThat(finished.out()).contains("already complete");
        assertThat(statistics("run")).isEqualTo(expected);
        assertThat(statistics("undisturbed")).isEqualTo(expected);
        for (String run : List.of("run", "undisturbed")) {
            assertThat(temp.resolve(run).resolve("recipe.json")).content().contains("no_such_module");
        }
    }

    @Test
    void changedData_isRefusedAndNamed() throws IOException {
        breakOff("layer 2/6");
        List<String> lines = new ArrayList<>(Files.readAllLines(inputs.data()));
        lines.removeLast();
        Path data = Files.write(temp.resolve("less.jsonl"), lines);

        refused(
                "data: other content here than in the run; data.path: %s here".formatted(data),
                arguments("run", inputs.checkpoint(), data, CommandRun.recipe("nvfp4-experts")));
    }

    @Test
    void changedCheckpoint_isRefusedAndNamed() {
        breakOff("layer 2/6");
        SyntheticInputs other = SyntheticInputs.write(temp.resolve("other"), "fp8");

        refused(
                "checkpoint: ",
                arguments("run", other.checkpoint(), inputs.data(), CommandRun.recipe("nvfp4-experts")));
    }

    @Test
    void changedSetting_isRefusedAndNamed() {
        breakOff("layer 2/6");

        refused("experts: all here, routed in the run", arguments("run", "--experts", "all"));
        refused("gemm: ", arguments("run", "--gemm", "reference"));
    }

    // As on another machine: its own choice would be another.
    @Test
    void productThatNobodyAskedFor_isTheOneThatTheRunWasBegunWith() throws IOException {
        CommandRun.of(arguments("expected", "--gemm", "reference")).expect(ExitCode.OK);
        ProgressWatcher watcher = new ProgressWatcher("layer 2/6", ResumeTest::fail);
        CommandRun.watched(watcher, arguments("run", "--gemm", "reference")).expect(ExitCode.INTERNAL);

        CommandRun resumed = CommandRun.of(arguments("run")).expect(ExitCode.OK);
        CommandRun again = CommandRun.of(arguments("run")).expect(ExitCode.OK);

        assertThat(resumed.err()).contains("note: goes on with matrix product reference, as it was begun, not with ");
        assertThat(again.out()).contains("already complete");
        assertThat(statistics("run")).isEqualTo(statistics("expected"));
        assertThat(temp.resolve("run/manifest.json")).content().contains("the run was begun with it; asked for");
    }

    @Test
    void changedRecipe_ofAFinishedRun_isRefusedAndNamed() throws IOException {
        undisturbed();
        String recipe = CommandRun.recipe("fp8-experts");
        CommandRun run = CommandRun.of(arguments("undisturbed", inputs.checkpoint(), inputs.data(), recipe))
                .expect(ExitCode.BAD_INPUT);

        assertThat(run.err()).contains("quantize.quant_cfg[1]: ", " in the run", "--fresh");
    }

    @Test
    void otherProcess_atWorkOnTheRun_isNotDisturbed() throws IOException {
        breakOff("layer 2/6");
        try (FileChannel channel = FileChannel.open(temp.resolve("run/state/lock"), StandardOpenOption.WRITE);
                FileLock lock = channel.lock()) {
            assertThat(lock.isValid()).isTrue();
            CommandRun run = CommandRun.of(arguments("run", "--fresh")).expect(ExitCode.USAGE);
            assertThat(run.err()).contains("another process is at work here");
        }

        ProgressWatcher watcher = new ProgressWatcher("layer", () -> {});
        CommandRun.watched(watcher, arguments("run")).expect(ExitCode.OK);
        assertThat(watcher.text().toString()).doesNotContain("layer 1/6");
    }

    @ParameterizedTest
    @ValueSource(strings = {"stream-0.bin", "statistics-0.safetensors", "statistics-1.safetensors"})
    void damagedState_isFoundAndNotContinued(String file) throws IOException {
        breakOff("layer 2/6");
        Path damaged = temp.resolve("run/state").resolve(file);
        byte[] bytes = Files.readAllBytes(damaged);
        bytes[bytes.length / 2] ^= 1;
        Files.write(damaged, bytes);

        refused(file + ": damaged: wanted ", arguments("run"));
        CommandRun.of(arguments("run", "--fresh")).expect(ExitCode.OK);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"layers_done\" : 2 | \"layers_done\" : 4 | its content is not what its digest says",
                "\"layers_done\" : 2 | \"layers_done\" : 2147483647 | its content is not what its digest says",
                "\"layers_done\" : 2 | \"layers_done\" : null | its content is not what its digest says",
                "\"schema\" : 4 | \"schema\" : 3 | schema: wanted an integer in 4..4, found 3",
                "{ | [ | state.json",
            })
    void alteredState_isFoundAndNotContinued(String text, String replacement, String message) throws IOException {
        breakOff("layer 2/6");
        Path state = temp.resolve("run/state/state.json");
        assertThat(state).content().contains(text);
        Files.writeString(state, Files.readString(state).replace(text, replacement));

        refused("state.json: damaged: ", arguments("run"));
        refused(message, arguments("run"));
    }

    @Test
    void lostStatistics_areFoundAndNotReplaced() throws IOException {
        breakOff("layer 2/6");
        Path lost = temp.resolve("run/state/statistics-1.safetensors");
        byte[] bytes = Files.readAllBytes(lost);
        Files.delete(lost);
        refused("statistics-1.safetensors: not found", arguments("run"));

        Files.copy(temp.resolve("run/state/statistics-0.safetensors"), lost);
        refused("statistics-1.safetensors: damaged: wanted SHA-256", arguments("run"));

        Files.write(lost, bytes);
        CommandRun.of(arguments("run")).expect(ExitCode.OK);
    }

    // Else a run writes in all as many bytes as the square of its layers.
    @Test
    void finishedLayer_isWrittenOnceAndAlone() throws IOException {
        breakOff("layer 2/6");

        try (SafetensorsFile file = SafetensorsFile.open(temp.resolve("run/state/statistics-1.safetensors"))) {
            String sites = StandardCharsets.UTF_8
                    .decode(file.bytes("sites").asByteBuffer())
                    .toString();
            assertThat(sites.lines())
                    .isNotEmpty()
                    .allSatisfy(site -> assertThat(site).contains(".layers.1."));
        }
    }

    @Test
    void stateFileThatBecameALink_isRefusedAndItsTargetUntouched() throws IOException {
        breakOff("layer 2/6");
        Path victim = Files.writeString(temp.resolve("victim"), "precious");
        Path file = temp.resolve("run/state/stream-1.bin");
        Files.delete(file);
        Files.createSymbolicLink(file, victim);
        refused("stream-1.bin: damaged: is a link", arguments("run"));
        refused("stream-1.bin: damaged: is a link", arguments("run", "--fresh"));
        Files.delete(file);
        Files.createLink(file, victim);
        refused("stream-1.bin: damaged: is a link", arguments("run"));
        Files.delete(file);
        assertThat(victim).hasContent("precious");
        CommandRun.of(arguments("run")).expect(ExitCode.OK);
    }

    @Test
    void shardThatCannotBeRead_losesNothing() throws IOException {
        byte[] expected = undisturbed();
        Path shard = inputs.checkpoint().resolve("model.safetensors");
        byte[] whole = Files.readAllBytes(shard);
        breakOff("layer 2/6");
        Files.write(shard, Arrays.copyOf(whole, whole.length / 2));

        CommandRun run = CommandRun.of(arguments("run")).expect(ExitCode.BAD_INPUT);
        assertThat(run.err()).contains("model.safetensors");

        Files.write(shard, whole);
        CommandRun.of(arguments("run")).expect(ExitCode.OK);
        assertThat(statistics("run")).isEqualTo(expected);
    }

    private void refused(String message, Object[] arguments) {
        CommandRun run = CommandRun.of(arguments).expect(ExitCode.BAD_INPUT);

        assertThat(run.err()).contains(message).doesNotContain("\tat ");
        assertThat(temp.resolve("run/state/state.json")).exists();
    }

    private byte[] undisturbed() throws IOException {
        CommandRun.of(arguments("undisturbed")).expect(ExitCode.OK);
        return statistics("undisturbed");
    }

    private byte[] statistics(String run) throws IOException {
        return Files.readAllBytes(temp.resolve(run).resolve("statistics.safetensors"));
    }

    private void breakOff(String progress) {
        CommandRun run = CommandRun.watched(new ProgressWatcher(progress, ResumeTest::fail), arguments("run"))
                .expect(ExitCode.INTERNAL);

        assertThat(run.err()).contains("error: a fault of this program");
        assertThat(temp.resolve("run/state/state.json")).exists();
    }

    private static void fail() {
        throw new IllegalStateException("broken off by the test");
    }

    private Object[] arguments(String run, Object... options) {
        List<Object> all = new ArrayList<>(
                List.of(arguments(run, inputs.checkpoint(), inputs.data(), CommandRun.recipe("nvfp4-experts"))));
        all.addAll(List.of(options));
        return all.toArray();
    }

    private Object[] arguments(String run, Path checkpoint, Path data, String recipe) {
        return new Object[] {
            "calibrate", checkpoint, "--recipe", recipe, "--data", data, "--threads", 2, "--out", temp.resolve(run)
        };
    }
}
