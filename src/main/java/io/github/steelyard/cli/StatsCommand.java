package io.github.steelyard.cli;

import io.github.steelyard.calibration.GateException;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.Statistics;
import io.github.steelyard.report.StatsJson;
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
        try (OpenedRun opened = OpenedRun.open(Arguments.required(run), options, console)) {
            ScaleTable scales = scales(opened);
            Statistics statistics = opened.statistics();
            List<String> lines = new ArrayList<>();
            StatsJson.inOrder(statistics)
                    .forEach((site, found) -> lines.add(String.format(
                            Locale.ROOT, "%-80s amax %-12s tokens %d", site.name(), found.amax(), found.tokens())));
            return Outcome.ok(StatsJson.of(statistics, scales), lines);
        }
    }

    /// Statistics are shown even where no scale can be made of them.
    private ScaleTable scales(OpenedRun opened) {
        try {
            return opened.scales();
        } catch (GateException e) {
            e.problems().forEach(console::warn);
            return opened.resolvableScales();
        }
    }
}
