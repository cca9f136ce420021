package io.github.steelyard.dossier;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.family.Families;
import io.github.steelyard.job.StatisticsJob;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.recipe.RecipeLibrary;
import io.github.steelyard.run.Manifest;
import io.github.steelyard.run.RunDirectory;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.testing.Chromium;
import io.github.steelyard.testing.PublishedConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A page of 48 layers of 256 experts.
final class LargeRunTest {

    private static final long SEED = 48_256;
    private static final int LARGEST = 5 << 20; // bytes

    @TempDir
    private Path temp;

    private RunSheet sheet;
    private int watched; // sites

    @BeforeEach
    void makeSheet() throws IOException {
        Decoder decoder = Families.of(
                PublishedConfig.edited("qwen3-30b-a3b", temp, "\"num_experts\": 128", "\"num_experts\": 256"));
        Recipe recipe = RecipeLibrary.SHIPPED.read("nvfp4-experts_fp8-rest_kv-fp8", List.of());
        Plan plan = Plan.of(recipe, decoder.modules());
        Random random = new Random(SEED);
        Map<Site, SiteStatistics> sites = new TreeMap<>();
        Map<String, Long> routed = new TreeMap<>();
        for (ModuleInfo module : decoder.modules()) {
            for (Site site : module.sites()) {
                double scale = module.isExpert() ? random.nextGaussian() : 0;
                long tokens = module.expert()
                        .map(part -> routed.computeIfAbsent(
                                part.expert(), absent -> (long) Math.exp(5 + 2 * random.nextGaussian())))
                        .orElse(100_000L);
                sites.put(site, SiteStatistics.of((float) (3 * Math.exp(scale)), tokens, 0));
            }
        }
        watched = sites.size();
        Statistics statistics = Statistics.of(sites);
        ScaleTable scales = ScaleTable.resolvable(statistics, plan, ExportOptions.Sharing.EXPERT, Optional.empty());
        sheet = RunSheets.of(
                "run1",
                temp,
                manifest(),
                plan,
                new StatisticsJob.Result(statistics, scales, List.of(), Optional.empty()),
                List.of());
    }

    @Test
    void page_isSmallAndHoldsEveryExpert() {
        String page = page();
        assertThat(page.getBytes(StandardCharsets.UTF_8).length).isLessThan(LARGEST);
        assertThat(sheet.maps()).hasSize(7).allSatisfy(map -> {
            assertThat(map.layers()).hasSize(48);
            assertThat(map.values()).allSatisfy(row -> assertThat(row).hasSize(256));
        });
        assertThat(sheet.coverage().experts()).isEqualTo(48 * 256);
        assertThat(sheet.coverage().starved())
                .hasSize(Math.toIntExact(sheet.maps().getFirst().values().stream()
                        .flatMap(List::stream)
                        .filter(tokens -> tokens.orElseThrow() < 1)
                        .count()));
        assertThat(sheet.sites()).isNotEmpty().noneMatch(site -> site.site().contains(".experts."));
        assertThat(sheet.sites().size() + sheet.sitesLeftOut()).isEqualTo(watched);
    }

    @Test
    void page_inABrowser_opens() throws IOException, InterruptedException {
        Chromium chromium = Chromium.orSkip(temp);
        Path file = Files.writeString(temp.resolve("page.html"), page());
        Chromium.Run run = chromium.open(file, "--dump-dom");
        assertThat(run.log()).doesNotContain("CONSOLE");
        assertThat(run.out()).contains("</main>", "<button type=\"button\" title=\"sort\">");
    }

    private String page() {
        return Page.of(new Dossier("steelyard", "test", List.of(sheet), List.of(), List.of()));
    }

    /// Returns the manifest of a small run that another test of this program wrote.
    private Manifest manifest() throws IOException {
        Path run = Files.createDirectories(temp.resolve("run"));
        Files.writeString(run.resolve("manifest.json"), """
                {"schema": 1, "tool": "steelyard", "checkpoint": {"path": "m", "digest": "1"},
                 "recipe": {"path": "r", "digest": "2"}, "data": {"path": "d", "digest": "3"},
                 "sequences": 512, "tokens": 1048576, "settings": {}, "statistics": {"digest": "4"},
                 "tool_version": "test", "created": "2026-11-29T00:00:00Z", "environment": {}}
                """);
        return new RunDirectory(run).manifest();
    }
}
