package io.github.steelyard.dossier;

import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.chart.HeatMap;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// Ranges of experts, beside one another and under one scale for each layer.
final class ExpertRanges {

    /// Most rows of a list.
    static final int LISTED = 40;

    /// How many times the median of its layer an amax is, or how small a part of it, that is named.
    private static final double FAR = 4;

    private final Statistics statistics;
    private final ScaleTable scales;
    private final Map<String, ExpertTable> inputs = new TreeMap<>();
    private final Map<String, ExpertTable> weights = new TreeMap<>();

    ExpertRanges(Collection<ModuleInfo> modules, Statistics statistics, ScaleTable scales) {
        this.statistics = statistics;
        this.scales = scales;
        for (boolean second : new boolean[] {false, true}) {
            String product = second ? "w2" : "w13";
            inputs.put(product, ExpertTable.inputs(modules, second));
            weights.put(product, ExpertTable.weights(modules, second));
        }
    }

    boolean hasExperts() {
        return inputs.values().stream().anyMatch(table -> !table.sites().isEmpty());
    }

    /// Returns the tokens that each expert was sent.
    HeatMap tokens(String name) {
        ExpertTable table = inputs.getOrDefault("w2", new ExpertTable(new TreeMap<>()));
        return ExpertTable.map(
                name + "-tokens",
                "Tokens sent to each expert",
                "",
                table.numbers(site -> statistics.at(site).map(found -> (double) found.tokens())));
    }

    /// Returns the measured amax of inputs and weights.
    List<HeatMap> amax(String name) {
        List<HeatMap> maps = new ArrayList<>();
        inputs.forEach((product, table) -> add(
                maps, name + "-" + product + "-input", "Amax of " + product + " inputs", table.numbers(this::amax)));
        weights.forEach((product, table) -> add(
                maps, name + "-" + product + "-weight", "Amax of " + product + " weights", table.numbers(this::amax)));
        return maps;
    }

    private static void add(
            List<HeatMap> maps, String id, String title, SortedMap<Integer, List<Optional<Double>>> numbers) {
        if (numbers.values().stream().flatMap(List::stream).anyMatch(Optional::isPresent)) {
            maps.add(ExpertTable.map(id, title, "", numbers));
        }
    }

    private Optional<Double> amax(Site site) {
        return statistics
                .at(site)
                .filter(found -> found.tokens() > 0)
                .map(found -> Double.valueOf(Float.toString(found.amax())));
    }

    /// Returns each expert's own input amax by the largest of its layer.
    List<HeatMap> shares(String name) {
        List<HeatMap> maps = new ArrayList<>();
        inputs.forEach((product, table) -> {
            SortedMap<Integer, List<Optional<Double>>> shares = table.numbers(this::amax);
            shares.replaceAll((layer, experts) -> {
                double most = largest(experts);
                return experts.stream()
                        .map(own -> own.filter(amax -> most > 0).map(amax -> amax / most))
                        .toList();
            });
            add(
                    maps,
                    name + "-" + product + "-share",
                    "Own amax of " + product + " inputs by the largest of the layer",
                    shares);
        });
        return maps;
    }

    private static double largest(List<Optional<Double>> experts) {
        return experts.stream()
                .flatMap(Optional::stream)
                .mapToDouble(amax -> amax)
                .max()
                .orElse(0);
    }

    private static double median(List<Double> sorted) {
        return sorted.get(sorted.size() / 2);
    }

    /// Returns the sites whose amax is far from the median of their layer, the farthest first.
    List<RunSheet.Outlier> outliers() {
        List<RunSheet.Outlier> outliers = new ArrayList<>();
        for (Map<String, ExpertTable> tables : List.of(inputs, weights)) {
            for (ExpertTable table : tables.values()) {
                table.sites().values().forEach(layer -> outliers.addAll(outliers(layer)));
            }
        }
        outliers.sort(Comparator.comparingDouble((RunSheet.Outlier outlier) -> -Math.abs(Math.log(outlier.ratio())))
                .thenComparing(RunSheet.Outlier::site));
        return outliers;
    }

    private List<RunSheet.Outlier> outliers(List<List<Site>> layer) {
        List<Site> sites = layer.stream().flatMap(List::stream).toList();
        List<Double> sorted = sites.stream()
                .map(this::amax)
                .flatMap(Optional::stream)
                .filter(amax -> amax > 0)
                .sorted()
                .toList();
        List<RunSheet.Outlier> outliers = new ArrayList<>();
        for (Site site : sites) {
            double amax = amax(site).orElse(0.0);
            double ratio = amax > 0 ? amax / median(sorted) : 1;
            if (ratio >= FAR || ratio <= 1 / FAR) {
                outliers.add(new RunSheet.Outlier(site.name(), (float) amax, (float) median(sorted), ratio));
            }
        }
        return outliers;
    }

    /// Returns the sites that were shown all tokens, the largest difference first.
    List<RunSheet.Shown> shownAll() {
        List<RunSheet.Shown> shown = new ArrayList<>();
        statistics.sites().forEach((site, found) -> {
            Optional<Float> all = found.all().map(Measurement::amax);
            if (all.isPresent() && found.tokens() > 0 && found.amax() > 0) {
                shown.add(new RunSheet.Shown(site.name(), found.amax(), all.get(), (double) all.get() / found.amax()));
            }
        });
        return shown.stream()
                .sorted(Comparator.comparingDouble(site -> -site.ratio()))
                .limit(LISTED)
                .toList();
    }

    /// Returns what one scale for each layer does, where inputs have calibrated scales.
    List<RunSheet.Collapse> collapse() {
        List<RunSheet.Collapse> rows = new ArrayList<>();
        inputs.forEach((product, table) -> table.sites().forEach((layer, experts) -> {
            Map<Double, Site> own = new TreeMap<>();
            List<Double> sorted = new ArrayList<>();
            for (Site site : experts.stream().flatMap(List::stream).toList()) {
                amax(site)
                        .filter(amax -> amax > 0 && scales.at(site).isPresent())
                        .ifPresent(amax -> {
                            own.putIfAbsent(amax, site);
                            sorted.add(amax);
                        });
            }
            if (!sorted.isEmpty()) {
                sorted.sort(Double::compare);
                double most = sorted.getLast();
                rows.add(new RunSheet.Collapse(
                        layer,
                        product,
                        (float) most,
                        median(sorted) / most,
                        sorted.getFirst() / most,
                        Optional.ofNullable(own.get(sorted.getFirst()))
                                .map(Site::module)
                                .orElse("")));
            }
        }));
        rows.sort(Comparator.comparingInt(RunSheet.Collapse::layer).thenComparing(RunSheet.Collapse::input));
        return rows;
    }

    /// Returns what was measured over routed tokens.
    static Optional<SiteStatistics> seen(Statistics statistics, Site site) {
        return statistics.at(site).filter(found -> found.tokens() > 0);
    }
}
