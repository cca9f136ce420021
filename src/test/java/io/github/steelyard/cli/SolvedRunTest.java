package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Runs whose algorithm solves weights by their inputs, from the recipe to the export, against what ModelOpt made of
/// the
/// tiny model.
final class SolvedRunTest {

    @TempDir
    private Path temp;

    @Test
    void localHessian_exportHasModelOptsBytes() throws IOException {
        CommandRun.of(calibrate("run", "{method: local_hessian}")).expect(ExitCode.OK);
        CommandRun.of("export", temp.resolve("run"), "--out", temp.resolve("export"))
                .expect(ExitCode.OK);

        Map<String, byte[]> found = tensors(temp.resolve("export"));
        Map<String, byte[]> golden =
                tensors(Shared.path("conformance/golden/calibrators/local_hessian-nvfp4_static/ckpt"));
        int compared = 0;
        for (Map.Entry<String, byte[]> tensor : golden.entrySet()) {
            if (tensor.getKey().matches(".*_proj\\.weight(_scale|_scale_2)?")) {
                assertThat(found.get(tensor.getKey())).as(tensor.getKey()).isEqualTo(tensor.getValue());
                compared++;
            }
        }
        assertThat(compared).isEqualTo(2 * 52 * 3);
    }

    // ModelOpt mixes the block scales of gate and up when it exports experts of their own; all else is what it solved.
    // Sums in another order round a weight here and there to the other neighbour.
    @Test
    void gptq_solvesWhatModelOptSolves() throws IOException {
        CommandRun.of(calibrate("run", "{method: gptq}")).expect(ExitCode.OK);
        CommandRun.of("export", temp.resolve("run"), "--out", temp.resolve("export"))
                .expect(ExitCode.OK);

        Map<String, byte[]> found = tensors(temp.resolve("export"));
        Map<String, byte[]> golden = tensors(Shared.path("conformance/golden/calibrators/gptq-nvfp4_static-iter/ckpt"));
        long bytes = 0;
        long differing = 0;
        for (Map.Entry<String, byte[]> tensor : golden.entrySet()) {
            if (tensor.getKey().matches(".*(down|q|k|v|o)_proj\\.weight")) {
                byte[] other = found.get(tensor.getKey());
                for (int i = 0; i < other.length; i++) {
                    differing += other[i] == tensor.getValue()[i] ? 0 : 1;
                }
                bytes += other.length;
            } else if (tensor.getKey().matches(".*(down|q|k|v|o)_proj\\.weight_scale(_2)?")) {
                assertThat(found.get(tensor.getKey())).as(tensor.getKey()).isEqualTo(tensor.getValue());
            }
        }
        assertThat(bytes).isGreaterThan(200_000);
        assertThat(differing).isLessThan(bytes / 1000);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{method: local_hessian}", "{method: gptq}"})
    void solved_anyThreadsAndBrokenRuns_haveTheSameBytes(String algorithm) throws IOException {
        CommandRun.of(calibrate("one", algorithm, "--threads", 1)).expect(ExitCode.OK);
        CommandRun.of(calibrate("two", algorithm, "--threads", 2)).expect(ExitCode.OK);
        CommandRun.watched(
                        new ProgressWatcher("solve [######################........] layer 3/4", SolvedRunTest::fail),
                        calibrate("broken", algorithm))
                .expect(ExitCode.INTERNAL);
        assertThat(temp.resolve("broken/solving/state.json")).exists();
        assertThat(temp.resolve("broken/state")).doesNotExist();
        CommandRun.of("export", temp.resolve("broken"), "--out", temp.resolve("early"))
                .expect(ExitCode.BAD_INPUT);

        CommandRun resumed = CommandRun.of(calibrate("broken", algorithm)).expect(ExitCode.OK);

        assertThat(resumed.err()).doesNotContain("calibrate: layer");
        Map<String, String> expected = CommandRun.solved(temp.resolve("one"));
        assertThat(expected).hasSize(4);
        assertThat(CommandRun.solved(temp.resolve("two"))).isEqualTo(expected);
        assertThat(CommandRun.solved(temp.resolve("broken"))).isEqualTo(expected);
        assertThat(temp.resolve("broken/solving")).doesNotExist();
        assertThat(CommandRun.of(calibrate("broken", algorithm))
                        .expect(ExitCode.OK)
                        .out())
                .contains("already complete");
    }

    // What a layer gives once it is quantised is what the next one is solved on; the first has nothing before it.
    @Test
    void layerwise_laterLayersAreSolvedOnTheQuantisedOnesBefore() {
        CommandRun.of(calibrate("apart", "{method: gptq}")).expect(ExitCode.OK);
        CommandRun.of(calibrate("one", "{method: gptq, layerwise: {enable: true}}", "--threads", 1))
                .expect(ExitCode.OK);
        CommandRun.watched(
                        new ProgressWatcher("solve [###############...............] layer 2/4", SolvedRunTest::fail),
                        calibrate("broken", "{method: gptq, layerwise: {enable: true}}", "--threads", 2))
                .expect(ExitCode.INTERNAL);
        CommandRun.of(calibrate("broken", "{method: gptq, layerwise: {enable: true}}"))
                .expect(ExitCode.OK);

        Map<String, String> apart = CommandRun.solved(temp.resolve("apart"));
        Map<String, String> one = CommandRun.solved(temp.resolve("one"));
        assertThat(CommandRun.solved(temp.resolve("broken"))).isEqualTo(one);
        assertThat(one.get("layer-0.safetensors")).isEqualTo(apart.get("layer-0.safetensors"));
        for (int layer = 1; layer < 4; layer++) {
            String file = "layer-" + layer + ".safetensors";
            assertThat(one.get(file)).isNotEqualTo(apart.get(file));
        }
    }

    // The gate and sharing are no part of a run's key; the scales that they give are, once layers are solved under
    // them.
    @Test
    void brokenPass_goesOnUnderTheScalesThatItWasBegunWith_andOthersOnlyBeforeIt() {
        CommandRun.of(calibrate("run", "{method: local_hessian}", "--set", "calibration.min_tokens=100000"))
                .expect(ExitCode.GATE);
        CommandRun begun = CommandRun.watched(
                        new ProgressWatcher("solve [###############...............] layer 2/4", SolvedRunTest::fail),
                        calibrate("run", "{method: local_hessian}"))
                .expect(ExitCode.INTERNAL);

        assertThat(begun.err()).doesNotContain("calibrate: layer");
        assertThat(CommandRun.of(calibrate("run", "{method: local_hessian}", "--set", "export.sharing=expert"))
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("belongs to another run (scales: other content here than in the run)");
        CommandRun.of(calibrate("run", "{method: local_hessian}")).expect(ExitCode.OK);
    }

    @Test
    void anotherAlgorithm_doesNotBeginInTheDirectoryOfABrokenRun() {
        CommandRun.watched(
                        new ProgressWatcher("solve [###############...............] layer 2/4", SolvedRunTest::fail),
                        calibrate("run", "{method: local_hessian}"))
                .expect(ExitCode.INTERNAL);

        assertThat(CommandRun.of(calibrate("run", "{method: max}"))
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("belongs to another run", "quantize.algorithm.method: max here, local_hessian in the run");
        assertThat(temp.resolve("run/solving/state.json")).exists();
        CommandRun.of(calibrate("run", "{method: max}", "--fresh")).expect(ExitCode.OK);
        assertThat(temp.resolve("run/solving")).doesNotExist();
    }

    @Test
    void damagedFileOfWhatWasSolved_isRefused() throws IOException {
        CommandRun.of(calibrate("run", "{method: local_hessian}")).expect(ExitCode.OK);
        Path file = temp.resolve("run/solved/layer-2.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 1] ^= 1;
        Files.write(file, bytes);

        assertThat(CommandRun.of("export", temp.resolve("run"), "--out", temp.resolve("export"))
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("layer-2.safetensors", "expected SHA-256");
    }

    @Test
    void anotherAlgorithm_needsAnotherRun_butMaxDoesNot() {
        CommandRun.of(calibrate("run", "{method: local_hessian}")).expect(ExitCode.OK);
        Object[] export = {"export", temp.resolve("run"), "--out", temp.resolve("export"), "--set"};

        assertThat(CommandRun.of(Stream.of(export, new Object[] {"quantize.algorithm.method=gptq"})
                                .flatMap(Stream::of)
                                .toArray())
                        .expect(ExitCode.BAD_INPUT)
                        .err())
                .contains("algorithm 'gptq'", "calibrate with it");
        CommandRun.of(Stream.of(export, new Object[] {"quantize.algorithm.method=max"})
                        .flatMap(Stream::of)
                        .toArray())
                .expect(ExitCode.OK);
    }

    @Test
    void expertsWithoutTokens_areCountedAndSolvedByTheirWeight() {
        CommandRun run = CommandRun.of(calibrate(
                        "run",
                        "{method: gptq}",
                        "--max-sequences",
                        1,
                        "--sequence-length",
                        8,
                        "--set",
                        "calibration.starved_experts=layer_max"))
                .expect(ExitCode.OK);

        assertThat(run.err()).contains("modules saw no token and are solved by their weight alone");
        CommandRun.of("export", temp.resolve("run"), "--out", temp.resolve("export"))
                .expect(ExitCode.OK);
    }

    private Object[] calibrate(String run, String algorithm, Object... options) {
        Object[] always = {
            "calibrate",
            CommandRun.model("bf16"),
            "--recipe",
            recipe(algorithm),
            "--data",
            CommandRun.calibrationText(),
            "--out",
            temp.resolve(run)
        };
        return Stream.of(always, options).flatMap(Stream::of).toArray();
    }

    /// Writes the rules of the reference's runs.
    private Path recipe(String algorithm) {
        String text = """
                metadata: {recipe_type: ptq}
                quantize:
                  algorithm: %s
                  quant_cfg:
                    - {quantizer_name: '*', enable: false}
                    - quantizer_name: '*weight_quantizer'
                      cfg: {num_bits: e2m1, block_sizes: {-1: 16, type: static, scale_bits: e4m3}}
                    - quantizer_name: '*input_quantizer'
                      cfg: {num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}}
                %s
                    - {quantizer_name: '*lm_head*', enable: false}
                calibration: {min_tokens: 1}
                export: {sharing: layer}
                """.formatted(
                        algorithm,
                        algorithm.contains("gptq")
                                ? ""
                                : "    - {quantizer_name: '*[kv]_bmm_quantizer', cfg: {num_bits: e4m3}}");
        try {
            return Files.writeString(temp.resolve("recipe.yaml"), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void fail() {
        throw new IllegalStateException("broken off by the test");
    }

    private static Map<String, byte[]> tensors(Path directory) throws IOException {
        Map<String, byte[]> tensors = new TreeMap<>();
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            for (TensorInfo tensor : checkpoint.tensors().values()) {
                tensors.put(tensor.name(), checkpoint.bytes(tensor).toArray(ValueLayout.JAVA_BYTE));
            }
        }
        return tensors;
    }
}
