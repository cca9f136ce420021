package io.github.steelyard.cli;

import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.console.Console;
import io.github.steelyard.draw.Draws;
import io.github.steelyard.job.StatisticsJob;
import io.github.steelyard.option.Arguments;
import io.github.steelyard.option.RunOptions;
import io.github.steelyard.report.StatsJson;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.SiteStatistics;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/// `steelyard stats`: what a run measured.
@Command(
        name = "stats",
        mixinStandardHelpOptions = true,
        description = "Prints the statistics of a run, and where each scale would come from.")
final class StatsCommand extends SteelyardCommand {

    @Parameters(paramLabel = "RUN", description = "Directory of the run.")
    @Nullable
    Path run;

    @Mixin
    RunOptions options = new RunOptions();

    StatsCommand(Console console) {
        super(console);
    }

    @Override
    Outcome run() {
        StatisticsJob.Result result = StatisticsJob.run(options.of(Arguments.required(run)), listener());
        List<String> lines = new ArrayList<>();
        StatsJson.inOrder(result.statistics())
                .forEach((site, found) -> lines.add(line(site, found, result.adapters())));
        result.draws().ifPresent(draws -> lines.addAll(curve(draws)));
        return Outcome.ok(StatsJson.of(result.statistics(), result.scales(), result.adapters(), result.draws()), lines);
    }

    private static String line(Site site, SiteStatistics found, List<String> adapters) {
        String own = String.format(
                Locale.ROOT,
                "%-80s amax %-12s tokens %d%s",
                site.name(),
                found.amax(),
                found.tokens(),
                ScaleTable.adapter(adapters, found.routed())
                        .map(adapter -> " adapter " + adapter)
                        .orElse(""));
        Measurement nearest = found.topUp().measurement();
        return nearest.tokens() == 0
                ? own
                : own + String.format(Locale.ROOT, "; %d shown besides, amax %s", nearest.tokens(), nearest.amax());
    }

    private static List<String> curve(Draws draws) {
        List<String> lines = new ArrayList<>();
        for (Draws.Round round : draws.rounds()) {
            lines.add(String.format(
                    Locale.ROOT,
                    "after %d sequences, %d tokens: %s",
                    round.sequences(),
                    round.tokens(),
                    Draws.text(round)));
        }
        lines.add("stopped: " + draws.stop().label());
        return lines;
    }
}
