package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Shared;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What solved weights are worth on the trained tiny model: how far its answers are from the unquantised one's, experts
/// in NVFP4 with their inputs, on a part of the text. `docs/ACCURACY.md` has the whole text and three seeds.
final class SolvedAccuracyTest {

    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    @TempDir
    private Path temp;

    @Test
    void divergence_ofSolvedWeights_isBelowThatOfTheLargestMagnitude() {
        Path plain = temp.resolve("plain.safetensors");
        evaluate(plain);

        double max = divergence(plain, "max");

        assertThat(divergence(plain, "local_hessian")).isLessThan(0.95 * max);
        assertThat(divergence(plain, "{method: gptq, perc_damp: 0.1}")).isLessThan(0.97 * max);
    }

    private double divergence(Path plain, String algorithm) {
        Path run = temp.resolve("run");
        CommandRun.of(
                        "calibrate",
                        CommandRun.model("bf16"),
                        "--recipe",
                        "nvfp4-experts",
                        "--set",
                        "quantize.algorithm=" + algorithm,
                        "--set",
                        "quantize.quant_cfg[1].cfg={num_bits: e2m1, block_sizes: {-1: 16, type: static, scale_bits: e4m3}}",
                        "--data",
                        Shared.path("models/demo-text.jsonl"),
                        "--max-sequences",
                        16,
                        "--set",
                        "data.seed=1",
                        "--out",
                        run,
                        "--fresh")
                .expect(ExitCode.OK);
        Path logits = temp.resolve("logits.safetensors");
        evaluate(logits, "--run", run);
        return divergence(plain, logits);
    }

    private static void evaluate(Path logits, Object... options) {
        Object[] always = {
            "evaluate",
            CommandRun.model("bf16"),
            "--data",
            Shared.path("models/valid.jsonl"),
            "--max-sequences",
            24,
            "--logits",
            logits
        };
        CommandRun.of(Stream.of(always, options).flatMap(Stream::of).toArray()).expect(ExitCode.OK);
    }

    /// Returns the mean Kullback-Leibler divergence of each next token's distribution from the plain one, in nats.
    private static double divergence(Path plain, Path quantised) {
        double sum = 0;
        long tokens = 0;
        try (SafetensorsFile one = SafetensorsFile.open(plain);
                SafetensorsFile other = SafetensorsFile.open(quantised)) {
            for (TensorInfo tensor : one.tensors().values()) {
                int vocabulary = (int) tensor.shape().dim(1);
                for (long row = 0; row < tensor.shape().dim(0); row++, tokens++) {
                    double[] p = logarithms(one.bytes(tensor), row, vocabulary);
                    double[] q = logarithms(other.bytes(tensor.name()), row, vocabulary);
                    for (int i = 0; i < vocabulary; i++) {
                        sum += Math.exp(p[i]) * (p[i] - q[i]);
                    }
                }
            }
        }
        return sum / tokens;
    }

    private static double[] logarithms(MemorySegment logits, long row, int vocabulary) {
        double[] values = new double[vocabulary];
        double sum = 0;
        for (int i = 0; i < vocabulary; i++) {
            values[i] = logits.getAtIndex(F32, row * vocabulary + i);
            sum += Math.exp(values[i]);
        }
        for (int i = 0; i < vocabulary; i++) {
            values[i] -= Math.log(sum);
        }
        return values;
    }
}
