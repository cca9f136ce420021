package io.github.steelyard.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.steelyard.draw.Draws;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.statistics.StatisticsException;
import io.github.steelyard.statistics.StatisticsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RunDirectoryTest {

    private static final Statistics STATISTICS =
            Statistics.of(Map.of(new Site("layers.0.self_attn", Role.KEY), SiteStatistics.of(4.5f, 1024, 0)));

    @TempDir
    private Path temp;

    @Test
    void open_finishedRun_givesBackWhatWasWritten() throws IOException {
        RunDirectory run = created(temp.resolve("run"));
        run.finish(STATISTICS, "{\"quantize\": {}}", digest -> manifest(digest, "2026-01-02T03:04:05Z"));

        RunDirectory read = RunDirectory.open(temp.resolve("run"));

        assertThat(read.statistics()).isEqualTo(STATISTICS);
        assertThat(read.recipe()).isEqualTo("{\"quantize\": {}}");
        assertThat(read.manifest()).isEqualTo(manifest(read.manifest().statisticsDigest(), "2026-01-02T03:04:05Z"));
    }

    @Test
    void finish_atAnotherTime_givesTheSameStatisticsBytes() throws IOException {
        RunDirectory one = created(temp.resolve("one"));
        RunDirectory other = created(temp.resolve("other"));

        one.finish(STATISTICS, "{}", digest -> manifest(digest, "2026-01-02T03:04:05Z"));
        other.finish(STATISTICS, "{}", digest -> manifest(digest, "2027-01-02T03:04:05Z"));

        assertThat(one.statisticsFile()).hasSameBinaryContentAs(other.statisticsFile());
    }

    @Test
    void open_unfinishedRun_isRefused() throws IOException {
        created(temp.resolve("run"));

        assertThatExceptionOfType(StatisticsException.class)
                .isThrownBy(() -> RunDirectory.open(temp.resolve("run")))
                .withMessageEndingWith("no manifest.json: not a run, or one that did not finish");
    }

    @Test
    void statistics_otherThanTheManifestNames_areRefused() throws IOException {
        RunDirectory run = created(temp.resolve("run"));
        run.finish(STATISTICS, "{}", digest -> manifest(digest, "2026-01-02T03:04:05Z"));
        StatisticsFile.write(Statistics.of(Map.of()), run.statisticsFile());

        assertThatExceptionOfType(StatisticsException.class)
                .isThrownBy(run::statistics)
                .withMessageContaining("expected SHA-256");
    }

    @Test
    void manifest_anotherSchema_isRefused() throws IOException {
        RunDirectory run = created(temp.resolve("run"));
        run.finish(STATISTICS, "{}", digest -> manifest(digest, "2026-01-02T03:04:05Z"));
        Files.writeString(
                run.manifestFile(), Files.readString(run.manifestFile()).replace("\"schema\" : 1", "\"schema\" : 7"));

        assertThatExceptionOfType(StatisticsException.class)
                .isThrownBy(run::manifest)
                .withMessage(run.manifestFile() + ": schema: expected 1, found 7");
    }

    private static final Draws DRAWS = new Draws(
            Draws.Stop.TIME,
            List.of(
                    new Draws.Round(4, 512, 3, Optional.empty()),
                    new Draws.Round(
                            8,
                            1024,
                            0,
                            Optional.of(new Draws.Growth(
                                    4, 2, 1, 1.25, Optional.of(new Site("layers.0.self_attn", Role.KEY)))))),
            List.of(new Draws.ToppedUp("layers.0.experts.9", 3, 61), new Draws.ToppedUp("layers.0.experts.10", 0, 64)));

    private static RunDirectory created(Path path) throws IOException {
        return RunDirectory.at(Files.createDirectory(path));
    }

    private static Manifest manifest(String digest, String created) {
        return new Manifest(
                new Manifest.Input("model", "aa"),
                new Manifest.RecipeInput("recipe.yaml", "bb", List.of("export.sharing=layer")),
                new Manifest.DataInput("text.jsonl", "cc", List.of()),
                8,
                1024,
                Optional.of(DRAWS),
                List.of(),
                new TreeMap<>(Map.of("experts", "routed")),
                digest,
                new TreeMap<>(),
                new Provenance("1.0", Instant.parse(created), Map.of("jdk", "25")));
    }
}
