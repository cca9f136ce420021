package io.github.steelyard.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.testing.ArchitectureReference;
import io.github.steelyard.testing.Npz;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.testing.TinyModelReference;
import io.github.steelyard.work.ExpertBackend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Forward passes against reference numbers: transformers 5.17 on tiny random checkpoints of each family and their
/// quantised variants, an independent implementation on the trained tiny checkpoints.
final class ForwardConformanceTest {

    /// Largest absolute difference of a logit or a hidden value.
    private static final float LOGIT_BOUND = 2e-4f;

    /// Largest relative difference of an amax, in percent.
    private static final double AMAX_PERCENT = 1e-2;

    /// A route whose margin is below this may flip between two correct float32 implementations.
    private static final double FLIPPING_MARGIN = 1e-5;

    private static List<Arguments> families() {
        return List.of(
                Arguments.of("llama", ""),
                Arguments.of("qwen3", ""),
                Arguments.of("mixtral", ""),
                Arguments.of("qwen3_moe", ""),
                Arguments.of("qwen3_moe", "nvfp4"),
                Arguments.of("olmoe", ""),
                Arguments.of("glm4_moe", ""),
                Arguments.of("deepseek_v2_lite", ""),
                Arguments.of("deepseek_v3", ""),
                Arguments.of("deepseek_v3", "fp8_block"),
                Arguments.of("kimi_k2", ""),
                Arguments.of("gpt_oss", ""),
                Arguments.of("gpt_oss", "mxfp4"),
                Arguments.of("nemotron_h", ""),
                Arguments.of("nemotron_h_latent", ""),
                Arguments.of("qwen3_5_moe", ""),
                Arguments.of("qwen3_5_moe", "modelopt_mixed"),
                Arguments.of("llama4_text", ""));
    }

    @ParameterizedTest
    @MethodSource("families")
    void architecture_everyFamily_matchesTransformers(String family, String variant) {
        matchesTransformers(family, variant, ForwardRun.Options.reference(), ForwardRun.Options.fastest());
    }

    @ParameterizedTest
    @MethodSource("families")
    void architecture_productOfBf16Parts_matchesTransformers(String family, String variant) {
        matchesTransformers(family, variant, ForwardRun.Options.split());
    }

    private static void matchesTransformers(String family, String variant, ForwardRun.Options... all) {
        Path directory = Shared.path("conformance/architectures/" + family);
        ArchitectureReference reference = ArchitectureReference.read(directory);

        for (ForwardRun.Options options : all) {
            ForwardRun run = ForwardRun.of(directory.resolve(variant), reference.prompts(), options);

            for (int prompt = 0; prompt < reference.prompts().size(); prompt++) {
                for (int layer = 0; layer < reference.layers().get(prompt).size(); layer++) {
                    assertClose(
                            "layer %d, prompt %d".formatted(layer, prompt),
                            run.layers().get(prompt).get(layer),
                            reference.layers().get(prompt).get(layer));
                }
                assertClose(
                        "logits, prompt %d".formatted(prompt),
                        run.logits().get(prompt),
                        reference.logits().get(prompt));
            }
            assertThat(inputTokens(run.statistics())).isEqualTo(reference.tokens());
            reference
                    .inputAmax()
                    .forEach((module, amax) -> assertThat((double) amax(run, new Site(module, Role.INPUT)))
                            .as("input amax of %s", module)
                            .isCloseTo(amax, withinPercentage(AMAX_PERCENT)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-qwen3-moe-bf16", "tiny-qwen3-moe-nvfp4", "tiny-qwen3-moe-fp8-block"})
    void tinyModel_everyFormat_matchesReference(String name) {
        assertMatches(Shared.path("models/" + name), TinyModelReference.read(name), ForwardRun.Options.fastest());
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-qwen3-moe-bf16", "tiny-qwen3-moe-nvfp4", "tiny-qwen3-moe-fp8-block"})
    void tinyModel_productOfBf16Parts_matchesReference(String name) {
        ForwardRun.Options options = ForwardRun.Options.split();
        assertMatches(Shared.path("models/" + name), TinyModelReference.read(name), options);
        assertThat(options.gemm().remarks()).isEmpty();
    }

    @Test
    void demoCheckpoint_productOfBf16Parts_givesTheSameBitsOnAnyThreads() {
        TinyModelReference reference = TinyModelReference.demo();
        ForwardRun.Options options = ForwardRun.Options.split();
        assertMatches(TinyModelReference.DEMO, reference, options);
        ForwardRun one = ForwardRun.of(TinyModelReference.DEMO, reference.sequences(), options.threads(1));
        ForwardRun two = ForwardRun.of(TinyModelReference.DEMO, reference.sequences(), options.threads(2));
        assertThat(one.statistics().sites()).isEqualTo(two.statistics().sites());
        for (int sequence = 0; sequence < reference.sequences().size(); sequence++) {
            assertThat(one.logits().get(sequence)).isEqualTo(two.logits().get(sequence));
        }
    }

    // Without shared data too: NVFP4 and FP8 experts, FP8 attention.
    @Test
    void demoCheckpoint_bothKernels_matchReference() {
        for (ForwardRun.Options options : List.of(ForwardRun.Options.reference(), ForwardRun.Options.fastest())) {
            assertMatches(TinyModelReference.DEMO, TinyModelReference.demo(), options);
        }
    }

    private static void assertMatches(Path checkpoint, TinyModelReference reference, ForwardRun.Options options) {
        ForwardRun run = ForwardRun.of(checkpoint, reference.sequences(), options);
        for (int sequence = 0; sequence < reference.sequences().size(); sequence++) {
            assertLogits(run, reference, sequence);
        }
        reference
                .siteAmax()
                .forEach((quantizer, amax) -> assertThat((double) amax(run, site(run, quantizer)))
                        .as(quantizer)
                        .isCloseTo(amax, withinPercentage(AMAX_PERCENT)));
        for (int layer = 0; layer < reference.expertTokens().size(); layer++) {
            long[] expected = reference.expertTokens().get(layer);
            for (int expert = 0; expert < expected.length; expert++) {
                String module = "model.layers.%d.mlp.experts.%d.".formatted(layer, expert);
                for (String projection : List.of("gate_proj", "up_proj", "down_proj")) {
                    assertThat(statistics(run, new Site(module + projection, Role.INPUT))
                                    .tokens())
                            .as("tokens of %s%s", module, projection)
                            .isCloseTo(expected[expert], within(possibleFlips(reference, layer, expert)));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-qwen3-moe-bf16", "tiny-qwen3-moe-mixed"})
    void tinyModel_firstSequence_matchesReferenceLogits(String name) {
        TinyModelReference reference = TinyModelReference.read(name);
        float[] expected = Npz.readArray(Shared.path("models/refs/" + name + ".logits.seq0.npy"))
                .floats();

        for (ExpertBackend backend : ExpertBackend.values()) {
            ForwardRun run = ForwardRun.of(
                    Shared.path("models/" + name),
                    reference.sequences().subList(0, 1),
                    ForwardRun.Options.fastest().experts(backend));

            assertClose("logits with backend " + backend.label(), run.logits().getFirst(), expected);
        }
    }

    @Test
    void shardedCheckpoint_givesTheSameBits() {
        List<int[]> sequences =
                TinyModelReference.read("tiny-qwen3-moe-bf16").sequences().subList(0, 2);
        ForwardRun one =
                ForwardRun.of(Shared.path("models/tiny-qwen3-moe-bf16"), sequences, ForwardRun.Options.fastest());
        ForwardRun sharded = ForwardRun.of(
                Shared.path("models/tiny-qwen3-moe-bf16-sharded"), sequences, ForwardRun.Options.fastest());

        assertSameBits(sharded.logits(), one.logits());
        assertThat(sharded.statistics()).isEqualTo(one.statistics());
    }

    @Test
    void threadsAndBatching_changeNoBit() {
        Path directory = TinyModelReference.DEMO;
        List<int[]> sequences = TinyModelReference.demo().sequences();
        ForwardRun.Options options = ForwardRun.Options.fastest();
        ForwardRun expected = ForwardRun.of(directory, sequences, options.threads(1));

        for (int threads : new int[] {2, 5, 40}) {
            ForwardRun run = ForwardRun.of(directory, sequences, options.threads(threads));
            assertSameBits(run.logits(), expected.logits());
            assertThat(run.statistics()).as("%d threads", threads).isEqualTo(expected.statistics());
        }
        Statistics merged = Statistics.of(Map.of());
        List<float[]> logits = new ArrayList<>();
        for (int[] sequence : sequences) {
            ForwardRun run = ForwardRun.of(directory, List.of(sequence), options);
            merged = Statistics.merged(List.of(merged, run.statistics()));
            logits.addAll(run.logits());
        }
        assertSameBits(logits, expected.logits());
        assertThat(activations(merged)).isEqualTo(activations(expected.statistics()));
    }

    // One sequence for seven workers: products are cut into blocks of rows, attention into heads and blocks of queries,
    // experts into small tiles.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "qwen3_moe",
                "mixtral",
                "gpt_oss",
                "deepseek_v3",
                "qwen3_5_moe",
                "nemotron_h",
                "llama4_text",
                "glm4_moe",
                "llama"
            })
    void moreThreadsThanSequences_changeNoBit(String family) {
        Path directory = Shared.path("conformance/architectures/" + family);
        int[] ids = new SplittableRandom(3).ints(300, 0, 64).toArray();
        ForwardRun.Options options = ForwardRun.Options.fastest();
        ForwardRun expected = ForwardRun.of(directory, List.of(ids), options.threads(1));

        ForwardRun run = ForwardRun.of(directory, List.of(ids), options.threads(7));

        assertSameBits(run.logits(), expected.logits());
        assertThat(run.statistics()).isEqualTo(expected.statistics());
    }

    // With as many chosen experts as there are, every token is routed to every expert. In the first sparse layer, whose
    // input does not depend on the choice, routed statistics must then be the all-token statistics of the real model.
    @ParameterizedTest
    @CsvSource({
        "mixtral, num_experts_per_tok\": 2, num_experts_per_tok\": 4",
        "qwen3_moe, num_experts_per_tok\": 3, num_experts_per_tok\": 8"
    })
    void allTokens_equalRoutedOnesOfAModelThatChoosesAll(
            String family, String chosen, String every, @TempDir Path directory) throws IOException {
        Path original = Shared.path("conformance/architectures/" + family);
        List<int[]> prompts = ArchitectureReference.read(original).prompts();
        Files.copy(original.resolve("model.safetensors"), directory.resolve("model.safetensors"));
        String config = Files.readString(original.resolve("config.json"));
        assertThat(config).contains(chosen);
        Files.writeString(directory.resolve("config.json"), config.replace(chosen, every));

        ForwardRun routed = ForwardRun.of(original, prompts, ForwardRun.Options.fastest());
        ForwardRun all =
                ForwardRun.of(original, prompts, ForwardRun.Options.fastest().withAllTokens());
        ForwardRun choosingAll = ForwardRun.of(directory, prompts, ForwardRun.Options.fastest());

        assertSameBits(all.logits(), routed.logits());
        assertThat(all.statistics().sites().keySet())
                .filteredOn(site -> site.role() == Role.INPUT && site.module().matches(".*layers\\.0\\..*experts\\..*"))
                .isNotEmpty()
                .allSatisfy(site -> assertThat(statistics(all, site).all())
                        .contains(statistics(choosingAll, site).routed()));
        routed.statistics()
                .sites()
                .forEach((site, found) -> assertThat(statistics(all, site).routed())
                        .as("routed statistics of %s", site)
                        .isEqualTo(found.routed()));
    }

    private static void assertLogits(ForwardRun run, TinyModelReference reference, int sequence) {
        float[] logits = run.logits().get(sequence);
        int vocabulary = run.decoder().vocabulary();
        int tokens = reference.sequences().get(sequence).length;
        TinyModelReference.LogitSummary summary = reference.summaries().get(sequence);
        double min = Double.POSITIVE_INFINITY;
        double max = Double.NEGATIVE_INFINITY;
        double sum = 0;
        for (int token = 0; token < tokens; token++) {
            double rowMax = Double.NEGATIVE_INFINITY;
            for (int entry = 0; entry < vocabulary; entry++) {
                float logit = logits[token * vocabulary + entry];
                rowMax = Math.max(rowMax, logit);
                min = Math.min(min, logit);
                sum += logit;
            }
            max = Math.max(max, rowMax);
            int argmax = reference.argmax().get(sequence)[token];
            assertThat((double) logits[token * vocabulary + argmax])
                    .as("largest logit of sequence %d, position %d", sequence, token)
                    .isCloseTo(rowMax, within(2.0 * LOGIT_BOUND));
        }
        int last = (tokens - 1) * vocabulary;
        summary.top5()
                .forEach((entry, logit) -> assertThat((double) logits[last + entry])
                        .as("logit of token %d after sequence %d", entry, sequence)
                        .isCloseTo(logit, within((double) LOGIT_BOUND)));
        assertThat(min).isCloseTo(summary.min(), within((double) LOGIT_BOUND));
        assertThat(max).isCloseTo(summary.max(), within((double) LOGIT_BOUND));
        assertThat(sum / logits.length).isCloseTo(summary.mean(), within((double) LOGIT_BOUND));
        assertThat(run.perplexity().negativeLogLikelihood(sequence) / (tokens - 1))
                .as("negative log-likelihood of sequence %d", sequence)
                .isCloseTo(reference.negativeLogLikelihood().get(sequence), within(1e-5));
    }

    private static long possibleFlips(TinyModelReference reference, int layer, int expert) {
        return reference.nearTies().stream()
                .filter(route -> route.layer() == layer && route.margin() < FLIPPING_MARGIN)
                .filter(route -> route.chosen() == expert || route.rejected() == expert)
                .count();
    }

    private static SiteStatistics statistics(ForwardRun run, Site site) {
        return run.statistics().at(site).orElseThrow(() -> new AssertionError("nothing measured at " + site));
    }

    private static float amax(ForwardRun run, Site site) {
        return statistics(run, site).amax();
    }

    private static Site site(ForwardRun run, String quantizer) {
        return run.statistics().sites().keySet().stream()
                .filter(site -> site.name().equals(quantizer))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no site " + quantizer));
    }

    private static Map<String, Long> inputTokens(Statistics statistics) {
        Map<String, Long> tokens = new TreeMap<>();
        statistics.sites().forEach((site, found) -> {
            if (site.role() == Role.INPUT) {
                tokens.put(site.module(), found.tokens());
            }
        });
        return tokens;
    }

    // Without the weights, which every pass sees anew.
    private static Map<Site, SiteStatistics> activations(Statistics statistics) {
        Map<Site, SiteStatistics> activations = new TreeMap<>(statistics.sites());
        activations.keySet().removeIf(site -> site.role() == Role.WEIGHT);
        return activations;
    }

    private static void assertSameBits(List<float[]> actual, List<float[]> expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); i++) {
            assertThat(actual.get(i)).as("sequence %d", i).isEqualTo(expected.get(i));
        }
    }

    private static void assertClose(String what, float[] actual, float[] expected) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        int worst = 0;
        for (int i = 0; i < expected.length; i++) {
            assertThat(Float.isFinite(actual[i]))
                    .as("%s: value %d is finite", what, i)
                    .isTrue();
            if (Math.abs(actual[i] - expected[i]) > Math.abs(actual[worst] - expected[worst])) {
                worst = i;
            }
        }
        assertThat(actual[worst])
                .as("%s: worst value, at %d", what, worst)
                .isCloseTo(expected[worst], within(LOGIT_BOUND));
    }
}
