package io.github.steelyard.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.job.Compute;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.job.RequestException;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Comparisons on the tiny checkpoints: the logits' numbers against plain loops over logits that `evaluate` wrote.
final class ComparisonJobTest {

    private static final int SEQUENCES = 5;

    @TempDir
    private Path temp;

    @Test
    void logits_ofTwoFormats_givePlainLoopsNumbers() throws IOException {
        EvaluationRequest tested = request("nvfp4", 1);
        ComparisonResult found = compare(tested, "bf16", false);

        List<float[]> logits = logits("nvfp4");
        List<float[]> others = logits("bf16");
        EvaluationResult plain = EvaluationJob.run(tested, JobListener.NONE);
        EvaluationResult reference = EvaluationJob.run(request("bf16", 1), JobListener.NONE);
        assertThat(found.evaluation()).isEqualTo(plain);
        assertThat(found.against().nll()).isEqualTo(reference.nll());
        assertThat(found.against().nllPerSequence()).isEqualTo(reference.nllPerSequence());
        assertThat(found.against().perplexityRatio())
                .isCloseTo(plain.perplexity() / reference.perplexity(), within(1e-12));

        int vocabulary = 0;
        double divergence = 0;
        double agreed = 0;
        List<Double> perSequence = new ArrayList<>();
        for (int i = 0; i < SEQUENCES; i++) {
            int tokens = 128;
            vocabulary = logits.get(i).length / tokens;
            double sum = 0;
            for (int token = 0; token < tokens - 1; token++) {
                double[] p = logSoftmax(others.get(i), token * vocabulary, vocabulary);
                double[] q = logSoftmax(logits.get(i), token * vocabulary, vocabulary);
                for (int id = 0; id < vocabulary; id++) {
                    sum += Math.exp(p[id]) * (p[id] - q[id]);
                }
                agreed += best(p) == best(q) ? 1 : 0;
            }
            perSequence.add(sum / (tokens - 1));
            divergence += sum;
        }
        assertThat(found.against().klDivergence()).isCloseTo(divergence / plain.predictions(), within(1e-9));
        for (int i = 0; i < SEQUENCES; i++) {
            assertThat(found.against().klPerSequence().get(i)).isCloseTo(perSequence.get(i), within(1e-9));
        }
        assertThat(found.against().top1Agreement()).isCloseTo(agreed / plain.predictions(), within(1e-12));
        assertThat(found.against().klStandardError().orElseThrow())
                .isCloseTo(standardError(perSequence), within(1e-9)); // sequences of one length
        List<Double> ratios = new ArrayList<>();
        for (int i = 0; i < SEQUENCES; i++) {
            ratios.add(
                    plain.nllPerSequence().get(i) - reference.nllPerSequence().get(i));
        }
        assertThat(found.against().perplexityRatioStandardError().orElseThrow())
                .isCloseTo(found.against().perplexityRatio() * standardError(ratios), within(1e-9));
    }

    @Test
    void layers_anyThreads_giveTheSameNumbers() {
        ComparisonResult one = compare(request("nvfp4", 1), "bf16", true);
        ComparisonResult three = compare(request("nvfp4", 3), "bf16", true);
        assertThat(three).isEqualTo(one);
        assertThat(one.against())
                .isEqualTo(compare(request("nvfp4", 2), "bf16", false).against());

        ComparisonResult.ByLayers layers = one.byLayers().orElseThrow();
        assertThat(layers.layers())
                .hasSize(4)
                .allSatisfy(layer -> assertThat(layer.sqnrDb().orElseThrow()).isBetween(5.0, 60.0));
        // q, k, v, o, the router and three products of each of 16 experts
        assertThat(layers.linears()).hasSize(4 * (5 + 3 * 16));
        assertThat(layers.linears().stream().filter(linear -> linear.tokens() == 0))
                .isEmpty();
    }

    @Test
    void layers_sameModel_differNowhere() {
        ComparisonResult found = compare(request("bf16", 2), "bf16", true);
        assertThat(found.against().klDivergence()).isZero();
        assertThat(found.against().top1Agreement()).isOne();
        assertThat(found.against().perplexityRatio()).isOne();
        ComparisonResult.ByLayers layers = found.byLayers().orElseThrow();
        assertThat(layers.layers())
                .allSatisfy(layer -> assertThat(layer.sqnrDb()).isEmpty());
        assertThat(layers.linears()).allSatisfy(linear -> {
            assertThat(linear.sqnrDb()).isEmpty();
            assertThat(linear.tokensApart()).isZero();
        });
        long tokens = SEQUENCES * 128;
        assertThat(layers.linears().stream()
                        .filter(linear -> linear.module().contains(".experts."))
                        .filter(linear -> linear.module().endsWith("down_proj"))
                        .mapToLong(ComparisonResult.LinearError::tokens)
                        .sum())
                .isEqualTo(4 * 2 * tokens); // layers, experts of a token
    }

    @Test
    void otherVocabulary_isRefused() {
        Path other = Shared.path("cases/41-tied-moe");
        ComparisonRequest request = new ComparisonRequest(request("bf16", 1), other, false);
        assertThatThrownBy(() -> ComparisonJob.run(request, JobListener.NONE))
                .isInstanceOf(RequestException.class)
                .hasMessage("--against %s: a vocabulary of 48, wanted 1040: other tokens".formatted(other));
    }

    private ComparisonResult compare(EvaluationRequest tested, String against, boolean layers) {
        return ComparisonJob.run(new ComparisonRequest(tested, model(against), layers), JobListener.NONE);
    }

    private static Path model(String format) {
        return Shared.path("models/tiny-qwen3-moe-" + format);
    }

    private EvaluationRequest request(String format, int threads) {
        return new EvaluationRequest(
                model(format),
                Shared.path("models/valid.jsonl"),
                new EvaluationRequest.Unquantized(),
                Optional.empty(),
                Optional.empty(),
                128,
                OptionalInt.of(SEQUENCES),
                Compute.ofMachine().withThreads(threads));
    }

    private List<float[]> logits(String format) {
        Path directory = withConfig(temp.resolve(format));
        EvaluationRequest plain = request(format, 2);
        EvaluationJob.run(
                new EvaluationRequest(
                        plain.checkpoint(),
                        plain.data(),
                        plain.quantization(),
                        plain.adapter(),
                        Optional.of(directory.resolve("model.safetensors")),
                        plain.sequenceLength(),
                        plain.maxSequences(),
                        plain.compute()),
                JobListener.NONE);
        try (Checkpoint file = Checkpoint.open(directory)) {
            List<float[]> logits = new ArrayList<>();
            for (int i = 0; i < SEQUENCES; i++) {
                TensorInfo tensor = file.tensor("logits." + i);
                logits.add(file.bytes(tensor).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED));
            }
            return logits;
        }
    }

    private static Path withConfig(Path directory) {
        try {
            Files.writeString(Files.createDirectories(directory).resolve("config.json"), "{}");
            return directory;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static double[] logSoftmax(float[] logits, int from, int count) {
        double max = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            max = Math.max(max, logits[from + i]);
        }
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += Math.exp(logits[from + i] - max);
        }
        double[] result = new double[count];
        for (int i = 0; i < count; i++) {
            result[i] = logits[from + i] - max - Math.log(sum);
        }
        return result;
    }

    private static int best(double[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }

    private static double standardError(List<Double> values) {
        double mean = values.stream().mapToDouble(value -> value).average().orElseThrow();
        double squares = values.stream()
                .mapToDouble(value -> (value - mean) * (value - mean))
                .sum();
        return Math.sqrt(squares / (values.size() - 1) / values.size());
    }
}
