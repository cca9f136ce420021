package io.github.steelyard.dossier;

import io.github.steelyard.chart.HeatMap;
import io.github.steelyard.chart.Html;
import io.github.steelyard.chart.Plot;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;

/// A run on the page.
final class RunSection {

    private static final int LISTED = 60;

    private final Html page;
    private final RunSheet run;

    private RunSection(Html page, RunSheet run) {
        this.page = page;
        this.run = run;
    }

    static void add(Html page, String id, RunSheet run) {
        page.open("section", "id", id).element("h2", "Run " + run.directory());
        RunSection section = new RunSection(page, run);
        section.whatRan();
        section.coverage();
        section.ranges();
        section.served();
        section.sites();
        page.close("section");
    }

    private void whatRan() {
        page.element("h3", "What ran");
        Page.facts(page, run.facts());
        page.open("details").element("summary", "Settings");
        Page.facts(page, run.settings());
        page.close("details");
        Page.remarks(page, run.remarks());
    }

    private void coverage() {
        RunSheet.Coverage coverage = run.coverage();
        page.element("h3", "Coverage").element("p", coverage.summary());
        if (coverage.experts() > 0) {
            page.element(
                    "p",
                    String.format(
                            Locale.ROOT,
                            "Tokens of an expert: least %d, median %d, most %d.",
                            coverage.least(),
                            coverage.median(),
                            coverage.most()));
            maps(map -> map.id().endsWith("-tokens"));
            Plot.bars(
                    page,
                    "Experts by tokens sent to them",
                    "tokens",
                    coverage.histogram().stream()
                            .map(bin -> new Plot.Bar(bin.tokens(), bin.experts()))
                            .toList());
        }
        if (!coverage.starved().isEmpty()) {
            page.table(
                    shownOf("Experts with fewer than " + coverage.minTokens() + " tokens", coverage.starved(), LISTED),
                    List.of("expert", "tokens", "sent there"),
                    coverage.starved().stream()
                            .limit(LISTED)
                            .map(expert -> List.of(
                                    expert.expert(), Long.toString(expert.tokens()), Long.toString(expert.routed())))
                            .toList());
        }
        if (!run.provenance().isEmpty()) {
            Plot.shares(
                    page,
                    "Where the scales come from",
                    run.provenance().entrySet().stream()
                            .map(origin -> new Plot.Bar(origin.getKey().replace('_', ' '), origin.getValue()))
                            .toList());
        }
        if (run.rounds().size() > 1) {
            page.table(
                    "Rounds of drawing",
                    List.of("sequences", "tokens", "starved", "sites that grew", "largest growth"),
                    run.rounds().stream()
                            .map(round -> List.of(
                                    Integer.toString(round.sequences()),
                                    Long.toString(round.tokens()),
                                    Integer.toString(round.starved()),
                                    Integer.toString(round.grown()),
                                    Double.toString(round.largestGrowth())))
                            .toList());
        }
    }

    private static String shownOf(String caption, List<?> all, int shown) {
        return all.size() > shown
                ? String.format(Locale.ROOT, "%s: the first %d of %d", caption, shown, all.size())
                : caption;
    }

    private void maps(Predicate<HeatMap> wanted) {
        run.maps().stream().filter(wanted).forEach(map -> map.draw(page));
    }

    private void ranges() {
        page.element("h3", "Ranges");
        maps(map -> map.id().endsWith("-input") || map.id().endsWith("-weight"));
        if (!run.outliers().isEmpty()) {
            page.table(
                    String.format(
                            Locale.ROOT,
                            "Experts whose amax is four times the median of their layer or more, or a quarter or less:"
                                    + " %d of %d",
                            run.outliers().size(),
                            run.outlierCount()),
                    List.of("site", "amax", "median", "ratio"),
                    run.outliers().stream()
                            .map(outlier -> List.of(
                                    outlier.site(),
                                    Float.toString(outlier.amax()),
                                    Float.toString(outlier.median()),
                                    HeatMap.brief(outlier.ratio())))
                            .toList());
        } else if (run.coverage().experts() > 0) {
            page.element("p", "No expert's amax is four times the median of its layer or more, or a quarter or less.");
        }
        if (!run.shown().isEmpty()) {
            page.table(
                    "Amax over all tokens and over those sent there, the largest differences",
                    List.of("site", "amax", "over all tokens", "ratio"),
                    run.shown().stream()
                            .map(shown -> List.of(
                                    shown.site(),
                                    Float.toString(shown.amax()),
                                    Float.toString(shown.amaxAllTokens()),
                                    HeatMap.brief(shown.ratio())))
                            .toList());
        }
        if (!run.cache().isEmpty()) {
            Plot.lines(
                    page,
                    "Amax of keys and values",
                    "layer",
                    run.cache().stream()
                            .map(row -> Integer.toString(row.layer()))
                            .toList(),
                    List.of(
                            new Plot.Line(
                                    "keys",
                                    run.cache().stream()
                                            .map(row -> real(row.key()))
                                            .toList()),
                            new Plot.Line(
                                    "values",
                                    run.cache().stream()
                                            .map(row -> real(row.value()))
                                            .toList())));
        }
    }

    private static Optional<Double> real(Optional<Float> number) {
        return number.map(Float::doubleValue);
    }

    private void served() {
        if (run.collapse().isEmpty() && run.blocks().isEmpty()) {
            return;
        }
        page.element("h3", "What a server makes of it")
                .element(
                        "p",
                        "A backend that keeps one input scale for all experts of a layer takes the largest. An expert"
                                + " whose own amax is a small part of it loses that much of the range of its block"
                                + " scales.");
        maps(map -> map.id().endsWith("-share"));
        if (!run.collapse().isEmpty()) {
            page.table(
                    "Own input amax by the largest of the layer",
                    List.of("layer", "input", "largest amax", "median", "least", "expert"),
                    run.collapse().stream()
                            .map(row -> List.of(
                                    Integer.toString(row.layer()),
                                    row.input(),
                                    Float.toString(row.largest()),
                                    HeatMap.brief(row.median()),
                                    HeatMap.brief(row.least()),
                                    row.expert()))
                            .toList());
        }
        if (run.blocks().isEmpty()) {
            page.element(
                    "p",
                    "Distributions were not measured, so that nothing is known of blocks that underflow and of values"
                            + " that saturate.");
        } else {
            page.table(
                    "Blocks whose scale becomes 0 and values above the scale's amax, the largest shares",
                    List.of("site", "blocks", "underflow", "under the layer's scale", "saturated"),
                    run.blocks().stream()
                            .map(row -> List.of(
                                    row.site(),
                                    Long.toString(row.blocks()),
                                    percent(Optional.of(row.underflow())),
                                    percent(row.underflowOfLayer()),
                                    percent(row.saturated())))
                            .toList());
        }
    }

    private static String percent(Optional<Double> share) {
        return share.map(number -> String.format(Locale.ROOT, "%.4f %%", 100 * number))
                .orElse("");
    }

    private void sites() {
        page.element("h3", "Sites").open("details").element("summary", "Numbers of each site");
        if (run.sitesLeftOut() > 0) {
            page.element(
                    "p",
                    String.format(
                            Locale.ROOT,
                            "%d sites of experts are not listed; `stats --json` prints them.",
                            run.sitesLeftOut()));
        }
        page.open("div", "class", "sites")
                .table(
                        "As stats prints them",
                        List.of(
                                "site",
                                "amax",
                                "over all tokens",
                                "tokens",
                                "provenance",
                                "scale amax",
                                "scale provenance"),
                        run.sites().stream()
                                .map(row -> List.of(
                                        row.site(),
                                        Page.number(row.amax()),
                                        Page.number(row.amaxAllTokens()),
                                        Long.toString(row.tokens()),
                                        row.provenance(),
                                        Page.number(row.scaleAmax()),
                                        row.scaleProvenance().orElse("")))
                                .toList())
                .close("div")
                .close("details");
    }
}
