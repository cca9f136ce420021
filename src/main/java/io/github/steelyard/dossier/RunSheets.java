package io.github.steelyard.dossier;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.calibration.ScaleOrigin;
import io.github.steelyard.chart.HeatMap;
import io.github.steelyard.dossier.Dossier.Fact;
import io.github.steelyard.dossier.Dossier.Remark;
import io.github.steelyard.dossier.RunSheet.SiteRow;
import io.github.steelyard.draw.Draws;
import io.github.steelyard.job.StatisticsJob;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.report.StatsJson;
import io.github.steelyard.run.Manifest;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Coverage;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// Makes the sheet of a run.
final class RunSheets {

    /// Sites up to which all are listed.
    private static final int ALL_SITES = 3000;

    private final Plan plan;
    private final Statistics statistics;
    private final StatisticsJob.Result found;

    private RunSheets(Plan plan, StatisticsJob.Result found) {
        this.plan = plan;
        this.statistics = found.statistics();
        this.found = found;
    }

    /// Returns the sheet of a run.
    ///
    /// @param name what its maps are told apart by
    static RunSheet of(
            String name,
            Path directory,
            Manifest manifest,
            Plan plan,
            StatisticsJob.Result found,
            List<Remark> remarks) {
        return new RunSheets(plan, found).sheet(name, directory, manifest, remarks);
    }

    private RunSheet sheet(String name, Path directory, Manifest manifest, List<Remark> remarks) {
        ExpertRanges ranges = new ExpertRanges(plan.modules(), statistics, found.scales());
        List<HeatMap> maps = new ArrayList<>();
        if (ranges.hasExperts()) {
            maps.add(ranges.tokens(name));
            maps.addAll(ranges.amax(name));
            maps.addAll(ranges.shares(name));
        }
        List<RunSheet.Outlier> outliers = ranges.outliers();
        List<SiteRow> rows = rows();
        List<SiteRow> shown = rows.size() <= ALL_SITES ? rows : outsideExperts(rows);
        return new RunSheet(
                directory.toString(),
                facts(manifest),
                manifest.settings().entrySet().stream()
                        .map(setting -> new Fact(setting.getKey(), setting.getValue()))
                        .toList(),
                remarks,
                coverage(),
                provenance(),
                maps,
                outliers.stream().limit(ExpertRanges.LISTED).toList(),
                outliers.size(),
                ranges.shownAll(),
                cache(),
                found.draws().map(RunSheets::rounds).orElse(List.of()),
                ranges.collapse(),
                new BlockShares(plan, statistics, found.scales()).rows(),
                shown,
                rows.size() - shown.size());
    }

    private List<Fact> facts(Manifest manifest) {
        List<Fact> facts = new ArrayList<>();
        facts.add(new Fact("checkpoint", manifest.checkpoint().path()));
        facts.add(new Fact("checkpoint digest", manifest.checkpoint().digest()));
        facts.add(new Fact("recipe", manifest.recipe().path()));
        facts.add(new Fact("recipe digest", manifest.recipe().digest()));
        manifest.recipe().settings().forEach(setting -> facts.add(new Fact("set over it", setting)));
        facts.add(new Fact("data", manifest.data().path()));
        facts.add(new Fact("data digest", manifest.data().digest()));
        facts.add(new Fact("sequences", Long.toString(manifest.sequences())));
        facts.add(new Fact("tokens", Long.toString(manifest.tokens())));
        facts.add(new Fact("statistics digest", manifest.statisticsDigest()));
        facts.add(new Fact("version", manifest.provenance().toolVersion()));
        facts.add(new Fact("finished", manifest.provenance().created().toString()));
        new TreeMap<>(manifest.provenance().environment()).forEach((key, value) -> facts.add(new Fact(key, value)));
        return facts;
    }

    private RunSheet.Coverage coverage() {
        Coverage coverage = Coverage.of(
                statistics,
                List.copyOf(plan.modules()),
                plan.recipe().calibration().minTokens());
        long[] spread = coverage.spread();
        SortedMap<Integer, Integer> bins = new TreeMap<>();
        for (Coverage.Expert expert : coverage.experts()) {
            bins.merge(Long.SIZE - Long.numberOfLeadingZeros(expert.routed()), 1, Integer::sum);
        }
        List<RunSheet.Bin> histogram = new ArrayList<>();
        for (int bin = bins.isEmpty() ? 1 : bins.firstKey(); !bins.isEmpty() && bin <= bins.lastKey(); bin++) {
            String tokens = bin < 2 ? Integer.toString(bin) : (1L << (bin - 1)) + "-" + ((1L << bin) - 1);
            histogram.add(new RunSheet.Bin(tokens, bins.getOrDefault(bin, 0)));
        }
        return new RunSheet.Coverage(
                coverage.summary(),
                coverage.minTokens(),
                coverage.experts().size(),
                spread[0],
                spread[1],
                spread[2],
                histogram,
                coverage.starved().stream()
                        .map(expert -> new RunSheet.Starved(expert.module(), expert.tokens(), expert.routed()))
                        .toList());
    }

    private SortedMap<String, Long> provenance() {
        SortedMap<String, Long> counts = new TreeMap<>();
        found.scales().origins().forEach((ScaleOrigin origin, Long count) -> counts.put(origin.label(), count));
        return counts;
    }

    private List<RunSheet.Cache> cache() {
        List<RunSheet.Cache> rows = new ArrayList<>();
        for (ModuleInfo module : plan.modules()) {
            if (module.kind() != ModuleInfo.Kind.ATTENTION) {
                continue;
            }
            Optional<Float> key = amax(module, Role.KEY).or(() -> amax(module, Role.LATENT));
            Optional<Float> value = amax(module, Role.VALUE).or(() -> amax(module, Role.ROTATED_KEY));
            if (key.isPresent() || value.isPresent()) {
                rows.add(new RunSheet.Cache(module.layer(), module.name(), key, value));
            }
        }
        return rows;
    }

    private Optional<Float> amax(ModuleInfo module, Role role) {
        return statistics
                .at(new Site(module.name(), role))
                .filter(site -> site.tokens() > 0)
                .map(SiteStatistics::amax);
    }

    private static List<RunSheet.Round> rounds(Draws draws) {
        return draws.rounds().stream()
                .map(round -> new RunSheet.Round(
                        round.sequences(),
                        round.tokens(),
                        round.starved(),
                        round.growth().map(Draws.Growth::grown).orElse(0),
                        round.growth().map(Draws.Growth::largest).orElse(0.0)))
                .toList();
    }

    private List<SiteRow> rows() {
        JsonNode json = (JsonNode) StatsJson.of(statistics, found.scales(), found.adapters(), found.draws());
        List<SiteRow> rows = new ArrayList<>();
        for (JsonNode site : json.path("sites")) {
            rows.add(new SiteRow(
                    site.path("site").asText(),
                    number(site, "amax"),
                    number(site, "amax_all_tokens"),
                    site.path("tokens").longValue(),
                    site.path("provenance").asText(),
                    number(site, "scale_amax"),
                    Optional.of(site.path("scale_provenance").asText()).filter(text -> !text.isEmpty())));
        }
        return rows;
    }

    private static Optional<Float> number(JsonNode site, String key) {
        return Optional.of(site.path(key)).filter(JsonNode::isNumber).map(JsonNode::floatValue);
    }

    private List<SiteRow> outsideExperts(List<SiteRow> rows) {
        return rows.stream()
                .filter(row -> Site.named(row.site())
                        .flatMap(site -> plan.module(site.module()))
                        .filter(ModuleInfo::isExpert)
                        .isEmpty())
                .toList();
    }
}
