package io.github.steelyard.job;

import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import io.github.steelyard.passes.RoomCheck;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.CalibrationOptions;
import io.github.steelyard.report.StatsJson;
import io.github.steelyard.run.RunDirectory;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.statistics.Coverage;
import io.github.steelyard.statistics.Statistics;
import java.util.List;
import java.util.Locale;

/// Whether what a run measured is good enough for its recipe.
///
/// @param coverage one line: how many tokens the experts saw
/// @param toppedUp experts that were shown tokens which were not sent to them
/// @param starved experts with too few tokens
/// @param nonFinite sites that saw NaN or infinite values
/// @param passed whether it may be exported
public record Verdict(
        String coverage, List<String> toppedUp, List<String> starved, List<String> nonFinite, boolean passed) {

    public Verdict {
        toppedUp = List.copyOf(toppedUp);
        starved = List.copyOf(starved);
        nonFinite = List.copyOf(nonFinite);
    }

    /// Judges a run, tells what is wrong, and leaves the list of starved experts beside it.
    ///
    /// @param run the run
    /// @param statistics what it measured
    /// @param plan of its recipe
    /// @param modules the modules of the model
    /// @param listener hears what is wrong
    /// @param counted what to say of the tokens that were counted
    public static Verdict of(
            RunDirectory run,
            Statistics statistics,
            Plan plan,
            List<ModuleInfo> modules,
            String counted,
            JobListener listener) {
        RoomCheck.finding(plan, statistics).ifPresent(listener::finding);
        CalibrationOptions options = plan.recipe().calibration();
        Coverage coverage = Coverage.of(statistics, modules, options.minTokens());
        String summary = coverage.summary() + counted;
        List<String> starved = names(coverage.starved());
        boolean refused = !starved.isEmpty() && options.starvedExperts() == CalibrationOptions.StarvedExperts.FAIL;
        run.writeStarved(coverage.list());
        if (!starved.isEmpty()) {
            String message = "%s; all of them in %s".formatted(summary, run.starvedFile());
            listener.finding(
                    refused
                            ? Finding.error("starved-experts", "", message)
                            : Finding.warning("starved-experts", "", message));
        }
        List<String> nonFinite = nonFinite(statistics, listener);
        if (refused) {
            listener.note(String.format(
                            Locale.ROOT,
                            "error: %d starved experts; give more text, lower calibration.min_tokens, or set",
                            starved.size())
                    + " calibration.starved_experts to layer_max or all_tokens");
        }
        return new Verdict(summary, names(coverage.toppedUp()), starved, nonFinite, !refused && nonFinite.isEmpty());
    }

    /// Says what tokens were counted over, where that is not the model as it is.
    public static String counted(int adapters) {
        return adapters == 0
                ? ""
                : ", counted over the model as it is and %s".formatted(Printable.count(adapters, "adapter"));
    }

    /// Judges a part of a run: whether there was enough is asked of all parts together.
    static Verdict ofPart(Statistics statistics, String part, JobListener listener) {
        List<String> nonFinite = nonFinite(statistics, listener);
        return new Verdict(
                "%s; 'merge' judges the coverage of all parts".formatted(part),
                List.of(),
                List.of(),
                nonFinite,
                nonFinite.isEmpty());
    }

    private static List<String> names(List<Coverage.Expert> experts) {
        return experts.stream().map(Coverage.Expert::module).toList();
    }

    private static List<String> nonFinite(Statistics statistics, JobListener listener) {
        List<String> sites = StatsJson.inOrder(statistics).entrySet().stream()
                .filter(entry -> entry.getValue().nonFinite() > 0)
                .map(entry -> entry.getKey().name())
                .toList();
        listener.findings(sites.stream()
                .map(site -> Finding.error("non-finite", site, "%s: saw NaN or infinite values".formatted(site)))
                .toList());
        return sites;
    }
}
