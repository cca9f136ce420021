package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.console.ExitCode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Scales of what servers keep in one matrix, from a calibration of our own to the bytes of the export. What they must
/// be is computed here from the source's bytes.
final class JoinedScalesTest {

    private static final List<List<String>> JOINED = List.of(
            List.of(
                    "model.layers.1.self_attn.q_proj",
                    "model.layers.1.self_attn.k_proj",
                    "model.layers.1.self_attn.v_proj"),
            List.of("model.layers.0.mlp.gate_proj", "model.layers.0.mlp.up_proj"),
            List.of("model.layers.1.mlp.experts.0.gate_proj", "model.layers.1.mlp.experts.0.up_proj"),
            List.of("model.layers.1.mlp.experts.3.gate_proj", "model.layers.1.mlp.experts.3.up_proj"),
            List.of("model.layers.1.mlp.experts.3.down_proj"),
            List.of("model.layers.1.self_attn.o_proj"));

    @TempDir
    private Path temp;

    @ParameterizedTest
    @CsvSource({"fp8_kv-fp8, .weight_scale, 448", "nvfp4, .weight_scale_2, 2688"})
    void export_joinedProjections_haveTheScaleOfTheLargest(String recipe, String suffix, float range)
            throws IOException {
        Path source = source();
        Path out = run(source, recipe);

        try (Checkpoint before = Checkpoint.open(source);
                Checkpoint after = Checkpoint.open(out.resolve("export"))) {
            for (List<String> group : JOINED) {
                float amax = (float) group.stream()
                        .mapToDouble(module -> amax(before, module + ".weight"))
                        .max()
                        .orElseThrow();
                assertThat(group)
                        .allSatisfy(module ->
                                assertThat(scalar(after, module + suffix)).isEqualTo(amax / range))
                        .allSatisfy(module -> assertThat(scalar(after, module + ".input_scale"))
                                .isEqualTo(scalar(after, group.getFirst() + ".input_scale")));
            }
            assertThat(JOINED.getFirst().stream()
                            .map(module -> amax(before, module + ".weight"))
                            .distinct())
                    .as("the test says nothing where all are equal")
                    .hasSizeGreaterThan(1);
        }
    }

    // What is evaluated is what is served.
    @Test
    void evaluate_run_hasTheSharedScaleOfTheExport() throws IOException {
        Path source = source();
        Path out = run(source, "fp8_kv-fp8");

        double promised = likelihood(source, "--run", out.resolve("run"));

        assertThat(likelihood(out.resolve("export"), "--fake-quant")).isCloseTo(promised, within(1e-6));
    }

    private Path source() throws IOException {
        Path config = temp.resolve("config.json");
        Files.writeString(
                config,
                Files.readString(Path.of("src/test/resources/cli/small-moe.json"))
                        .replace("\"mlp_only_layers\": []", "\"mlp_only_layers\": [0]"));
        Path source = temp.resolve("source");
        CommandRun.of(
                        "synthesize",
                        config,
                        "--format",
                        "bf16",
                        "--layers",
                        2,
                        "--seed",
                        11,
                        "--sequences",
                        6,
                        "--sequence-length",
                        48,
                        "--out",
                        source)
                .expect(ExitCode.OK);
        return source;
    }

    private Path run(Path source, String recipe) {
        Path out = temp.resolve("out");
        CommandRun.of(
                        "run",
                        source,
                        "--recipe",
                        CommandRun.recipe(recipe),
                        "--data",
                        source.resolve("tokens.jsonl"),
                        "--out",
                        out)
                .expect(ExitCode.OK);
        return out;
    }

    private double likelihood(Path checkpoint, Object... options) {
        Object[] arguments = Stream.concat(
                        Stream.of("evaluate", checkpoint, "--data", temp.resolve("source/tokens.jsonl"), "--json"),
                        Stream.of(options))
                .toArray();
        return CommandRun.of(arguments)
                .expect(ExitCode.OK)
                .json()
                .findValue("nll")
                .doubleValue();
    }

    private static float amax(Checkpoint checkpoint, String name) {
        TensorInfo tensor = checkpoint.tensor(name);
        MemorySegment bytes = checkpoint.bytes(tensor);
        float largest = 0;
        for (long at = 0; at < tensor.byteSize(); at += 2) {
            int bits = (bytes.get(ValueLayout.JAVA_SHORT_UNALIGNED, at) & 0x7fff) << 16;
            largest = Math.max(largest, Float.intBitsToFloat(bits));
        }
        return largest;
    }

    private static float scalar(Checkpoint checkpoint, String name) {
        TensorInfo tensor = checkpoint.tensor(name);
        assertThat(tensor.byteSize()).isEqualTo(4);
        return checkpoint.bytes(tensor).get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0);
    }
}
