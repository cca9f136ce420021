package io.github.steelyard.calibration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.gemm.Gemm;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Engine;
import io.github.steelyard.model.EngineListener;
import io.github.steelyard.model.Sequences;
import io.github.steelyard.passes.CalibrationRun;
import io.github.steelyard.recipe.Drawing;
import io.github.steelyard.run.RunDirectory;
import io.github.steelyard.run.RunKey;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Distribution;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.work.ExpertBackend;
import io.github.steelyard.work.Pass;
import io.github.steelyard.work.Profile;
import io.github.steelyard.work.ShownTokens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A peer's key and value scales are those of the sequence that happened to come last: 0.010376 for layer 0 in one
/// order, 0.0098877 in the other, where the maximum over all is 0.010603.
final class CalibrationOrderTest {

    private static final Site KEY = new Site("model.layers.0.self_attn", Role.KEY);

    @TempDir
    private Path temp;

    @Test
    void execute_sequencesInAnyOrder_givesTheSameStatistics() throws IOException {
        List<int[]> sequences = calibrationSequences();
        List<int[]> reversed = new ArrayList<>(sequences);
        Collections.reverse(reversed);
        try (Checkpoint checkpoint = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"))) {
            Statistics forwards = measure(checkpoint, sequences, 2, "forwards");
            Statistics backwards = measure(checkpoint, reversed, 1, "backwards");

            assertThat(backwards).isEqualTo(forwards);
            assertThat(forwards.at(KEY).orElseThrow().routed().magnitudes()).isPresent();
            assertThat(forwards.at(KEY).orElseThrow().amax() / 448).isCloseTo(4.716307f / 448, within(1e-7f));
        }
    }

    // Each sequence alone, merged by maximum and sum, is the same as all of them together.
    @Test
    void merge_oneRunForEachSequence_equalsOneRunForAll() throws IOException {
        List<int[]> sequences = calibrationSequences().subList(0, 2);
        try (Checkpoint checkpoint = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"))) {
            Statistics together = measure(checkpoint, sequences, 2, "together");
            Statistics merged = Statistics.of(Map.of());
            for (int[] sequence : sequences) {
                merged = Statistics.merged(List.of(merged, measure(checkpoint, List.of(sequence), 2, "alone")));
            }

            assertThat(inputs(merged)).isEqualTo(inputs(together));
        }
    }

    /// Weights have no tokens to sum.
    private static Statistics inputs(Statistics statistics) {
        TreeMap<Site, SiteStatistics> sites = new TreeMap<>(statistics.sites());
        sites.keySet().removeIf(site -> site.role() == Role.WEIGHT);
        return new Statistics(sites);
    }

    private Statistics measure(Checkpoint checkpoint, List<int[]> sequences, int threads, String name) {
        Decoder decoder = Families.of(checkpoint);
        AtomicReference<Statistics> statistics = new AtomicReference<>(Statistics.of(Map.of()));
        Kernels kernels = Kernels.fastest();
        Sequences all = new Sequences(sequences);
        Map<Site, Set<Distribution>> wanted = new HashMap<>();
        decoder.modules().stream()
                .flatMap(module -> module.sites().stream())
                .filter(site -> site.role() != Role.WEIGHT)
                .forEach(site -> wanted.put(site, EnumSet.allOf(Distribution.class)));
        new CalibrationRun(
                        decoder,
                        all,
                        0,
                        1,
                        Drawing.AT_ONCE,
                        ShownTokens.NONE,
                        kernels,
                        wanted,
                        (round, tap, store, memory) -> {
                            Pass pass = new Pass(
                                    kernels,
                                    Gemm.select("vector"),
                                    tap,
                                    ExpertBackend.DECOMPOSED,
                                    round.shown(),
                                    threads,
                                    Profile.NONE);
                            new Engine(decoder, new CheckpointWeights(checkpoint), pass, memory)
                                    .run(round.sequences(), store, EngineListener.NONE, Optional.empty());
                        })
                .execute(
                        RunDirectory.at(temp.resolve(name)),
                        new RunKey(new TreeMap<>()),
                        true,
                        (found, draws) -> statistics.set(found));
        return statistics.get();
    }

    private static List<int[]> calibrationSequences() throws IOException {
        JsonMapper mapper = new JsonMapper();
        List<int[]> sequences = new ArrayList<>();
        for (String line : Files.readAllLines(Shared.path("models/refs/calib.jsonl"))) {
            JsonNode ids = mapper.readTree(line).get("token_ids");
            sequences.add(StreamSupport.stream(ids.spliterator(), false)
                    .mapToInt(JsonNode::asInt)
                    .toArray());
        }
        return sequences;
    }
}
