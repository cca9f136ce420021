package io.github.steelyard.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.OverlaidWeights;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.synthesis.SyntheticFormat;
import io.github.steelyard.testing.SmallAdapter;
import io.github.steelyard.testing.SmallCheckpoint;
import io.github.steelyard.work.ExpertBackend;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Adapters that are applied in a pass, unmerged, against weights into which they were merged in double, and several of
/// them in one pass against a pass for each.
final class AdaptedPassTest {

    private static final List<int[]> PROMPTS = List.of(new int[] {1, 7, 3, 99, 42, 8}, new int[] {5, 5, 120});

    /// A product that gives a row the same bits whatever rows it comes with.
    private static final ForwardRun.Options SAME_BITS =
            new ForwardRun.Options(Kernels.fastest(), Gemm.select("vector"), ExpertBackend.DECOMPOSED, true, 2);

    /// No matrix of experts is square where it may be stored turned, and what the small extents leave out.
    private static final Map<String, Map<String, Integer>> OTHER_EXTENTS = Map.of(
            "qwen3-30b-a3b", Map.of("moe_intermediate_size", 48),
            "llama-4-scout", Map.of("intermediate_size", 48),
            "gpt-oss-20b", Map.of("intermediate_size", 96),
            "deepseek-v3",
                    Map.of(
                            "num_key_value_heads", 4,
                            "first_k_dense_replace", 1,
                            "n_routed_experts", 8,
                            "n_group", 2,
                            "topk_group", 1));

    @TempDir
    private Path temp;

    @ParameterizedTest
    @CsvSource({
        "llama-3.1-8b, none, false, false",
        "qwen3-30b-a3b, modules, false, false",
        "qwen3-30b-a3b, stacks, false, false",
        "qwen3-30b-a3b, stacks, false, true",
        "mixtral-8x7b, modules, false, false",
        "mixtral-8x7b, stacks, false, false",
        "llama-4-scout, stacks, false, true",
        "gpt-oss-20b, stacks, true, false",
        "gpt-oss-20b, stacks, true, true",
        "deepseek-v3, modules, false, false",
        "nemotron-3-nano-30b-a3b, stacks, false, false",
        "qwen3.6-35b-a3b, stacks, false, false",
    })
    void pass_withAnAdapter_isThatOfMergedWeights(String model, String experts, boolean interleaved, boolean turned) {
        Path checkpoint =
                SmallCheckpoint.write(model, SyntheticFormat.BF16, temp, OTHER_EXTENTS.getOrDefault(model, Map.of()));
        SmallAdapter adapter = AdaptedRun.ofLinears(checkpoint, 5);
        switch (experts) {
            case "modules" -> AdaptedRun.withExperts(adapter, checkpoint);
            case "stacks" -> AdaptedRun.withStacks(adapter, checkpoint, interleaved, turned);
            default -> assertThat(experts).isEqualTo("none");
        }
        Path directory = adapter.write(temp.resolve("adapter"));
        ForwardRun.Options options = ForwardRun.Options.fastest();

        ForwardRun applied = AdaptedRun.adapted(checkpoint, PROMPTS, options, directory);

        ForwardRun merged = ForwardRun.of(
                checkpoint,
                PROMPTS,
                options,
                (weights, decoder) -> OverlaidWeights.of(weights, decoder, adapter.merged(weights, decoder)));
        ForwardRun before = ForwardRun.of(checkpoint, PROMPTS, options);
        for (int prompt = 0; prompt < PROMPTS.size(); prompt++) {
            assertClose(applied.logits().get(prompt), merged.logits().get(prompt), 2e-4f);
            assertThat(distance(applied.logits().get(prompt), before.logits().get(prompt)))
                    .isGreaterThan(1e-2f);
        }
        merged.statistics().sites().forEach((site, wanted) -> {
            if (site.role() != Role.WEIGHT) {
                SiteStatistics found = applied.statistics().at(site).orElseThrow();
                assertThat(found.tokens()).as(site.name()).isEqualTo(wanted.tokens());
                assertThat(found.amax()).as(site.name()).isCloseTo(wanted.amax(), within(1e-4f * wanted.amax()));
            }
        });
    }

    @Test
    void pass_withAnAdaptedHead_isThatOfAMergedHead() {
        Path checkpoint = SmallCheckpoint.write("qwen3-30b-a3b", temp);
        SmallAdapter adapter = new SmallAdapter(4, 2, 4)
                .config(json -> json.putArray("target_modules").add("lm_head"))
                .linear("lm_head", AdaptedRun.linears(checkpoint).getLast());

        ForwardRun applied = AdaptedRun.adapted(
                checkpoint, PROMPTS, ForwardRun.Options.fastest(), adapter.write(temp.resolve("adapter")));

        ForwardRun merged = ForwardRun.of(
                checkpoint,
                PROMPTS,
                ForwardRun.Options.fastest(),
                (weights, decoder) -> OverlaidWeights.of(weights, decoder, adapter.merged(weights, decoder)));
        assertClose(applied.logits().getFirst(), merged.logits().getFirst(), 2e-4f);
    }

    @Test
    void pass_withTwoAdapters_isTheMaximumOfAPassForEach() {
        Path checkpoint = SmallCheckpoint.write("qwen3-30b-a3b", temp);
        Path one = AdaptedRun.withExperts(AdaptedRun.ofLinears(checkpoint, 5), checkpoint)
                .write(temp.resolve("one"));
        Path two = AdaptedRun.withStacks(AdaptedRun.ofLinears(checkpoint, 6), checkpoint, false, false)
                .write(temp.resolve("two"));

        Statistics all =
                AdaptedRun.of(checkpoint, PROMPTS, SAME_BITS, List.of(two, one)).statistics();

        List<Statistics> each = List.of(
                ForwardRun.of(checkpoint, PROMPTS, SAME_BITS).statistics(),
                AdaptedRun.adapted(checkpoint, PROMPTS, SAME_BITS, one).statistics(),
                AdaptedRun.adapted(checkpoint, PROMPTS, SAME_BITS, two).statistics());
        int[] set = new int[3];
        all.sites().forEach((site, found) -> {
            List<Measurement> routed = measured(each, site, false);
            assertThat(found.routed()).as(site.name()).isEqualTo(largest(routed, site));
            found.all()
                    .ifPresent(every ->
                            assertThat(every).as(site.name()).isEqualTo(largest(measured(each, site, true), site)));
            set[found.routed().variant()]++;
        });
        assertThat(set).doesNotContain(0);
    }

    private static List<Measurement> measured(List<Statistics> each, Site site, boolean all) {
        return each.stream()
                .map(statistics -> statistics.at(site).orElseThrow())
                .map(found -> all ? found.all().orElseThrow() : found.routed())
                .toList();
    }

    // Written out: the largest of all, the first of several, and all tokens; a weight is shown once.
    private static Measurement largest(List<Measurement> each, Site site) {
        int first = 0;
        long tokens = 0;
        for (int i = 0; i < each.size(); i++) {
            first = each.get(i).amax() > each.get(first).amax() ? i : first;
            tokens += each.get(i).tokens();
        }
        if (site.role() == Role.WEIGHT) {
            tokens = each.getFirst().tokens();
        }
        return new Measurement(each.get(first).amax(), tokens, 0, first);
    }

    @Test
    void pass_withAnAdapterOfZeros_changesNoAmax() {
        Path checkpoint = SmallCheckpoint.write("gpt-oss-20b", temp);
        SmallAdapter adapter =
                new SmallAdapter(5, 3, 6).zero().config(json -> json.put("target_modules", "all-linear"));
        AdaptedRun.linears(checkpoint).stream()
                .filter(module -> module.name().contains("self_attn"))
                .forEach(module -> adapter.linear(module.name(), module));
        AdaptedRun.linears(checkpoint).stream()
                .filter(module -> module.name().contains("router"))
                .forEach(module -> adapter.linear(module.name(), module));
        AdaptedRun.withStacks(adapter, checkpoint, true, false);

        Statistics found = AdaptedRun.of(
                        checkpoint, PROMPTS, SAME_BITS, List.of(adapter.write(temp.resolve("adapter"))))
                .statistics();

        ForwardRun.of(checkpoint, PROMPTS, SAME_BITS).statistics().sites().forEach((site, wanted) -> {
            assertThat(found.at(site).orElseThrow().amax()).as(site.name()).isEqualTo(wanted.amax());
            assertThat(found.at(site).orElseThrow().routed().variant()).isZero();
        });
    }

    @ParameterizedTest
    @CsvSource({"vector", "auto"})
    void pass_withAdapters_givesTheSameBitsForAnyNumberOfThreads(String gemm) {
        Path checkpoint = SmallCheckpoint.write("llama-4-scout", temp);
        List<Path> adapters = List.of(
                AdaptedRun.withStacks(AdaptedRun.ofLinears(checkpoint, 5), checkpoint, false, true)
                        .write(temp.resolve("one")),
                AdaptedRun.ofLinears(checkpoint, 6).write(temp.resolve("two")));
        ForwardRun.Options options =
                new ForwardRun.Options(Kernels.fastest(), Gemm.select(gemm), ExpertBackend.DECOMPOSED, true, 1);

        ForwardRun alone = AdaptedRun.of(checkpoint, PROMPTS, options, adapters);
        ForwardRun together = AdaptedRun.of(checkpoint, PROMPTS, options.threads(3), adapters);

        assertThat(together.statistics()).isEqualTo(alone.statistics());
        assertThat(together.logits().getLast()).isEqualTo(alone.logits().getLast());
    }

    @Test
    void pass_ofTheFusedBackend_addsTheSame() {
        Path checkpoint = SmallCheckpoint.write("qwen3-30b-a3b", temp);
        Path adapter = AdaptedRun.withExperts(AdaptedRun.ofLinears(checkpoint, 5), checkpoint)
                .write(temp.resolve("adapter"));
        ForwardRun.Options options = ForwardRun.Options.fastest();

        ForwardRun fused = AdaptedRun.of(checkpoint, PROMPTS, options.experts(ExpertBackend.FUSED), List.of(adapter));

        ForwardRun plain = AdaptedRun.of(checkpoint, PROMPTS, options, List.of(adapter));
        for (int prompt = 0; prompt < 2 * PROMPTS.size(); prompt++) {
            assertClose(fused.logits().get(prompt), plain.logits().get(prompt), 2e-4f);
        }
    }

    private static void assertClose(float[] found, float[] wanted, float tolerance) {
        assertThat(distance(found, wanted)).isLessThan(tolerance);
    }

    private static float distance(float[] found, float[] wanted) {
        assertThat(found).hasSameSizeAs(wanted);
        float most = 0;
        for (int i = 0; i < found.length; i++) {
            most = Math.max(most, Math.abs(found[i] - wanted[i]));
        }
        return most;
    }
}
