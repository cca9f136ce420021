package io.github.steelyard.cli;

import io.github.steelyard.calibration.GateException;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.SiteStatistics;
import io.github.steelyard.model.Site;
import io.github.steelyard.report.StatsJson;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/// `steelyard stats`: what a run measured.
@Command(
        name = "stats",
        mixinStandardHelpOptions = true,
        description = "Prints the statistics of a run, and where each scale would come from.")
final class StatsCommand extends SteelyardCommand implements Callable<Integer> {

    @Parameters(paramLabel = "RUN", description = "Directory of the run.")
    @Nullable
    Path run;

    @Mixin
    RunOptions options = new RunOptions();

    StatsCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() {
        try (OpenedRun opened = OpenedRun.open(Arguments.required(run), options, console)) {
            ScaleTable scales = scales(opened);
            if (common.json) {
                console.print(StatsJson.text(opened.statistics(), scales));
                return ExitCode.OK;
            }
            for (Map.Entry<Site, SiteStatistics> site :
                    opened.statistics().sites().entrySet()) {
                console.print("%-80s amax %-12s tokens %d"
                        .formatted(
                                site.getKey().name(),
                                site.getValue().amax(),
                                site.getValue().tokens()));
            }
            return ExitCode.OK;
        }
    }

    /// Statistics are shown even where no scale can be made of them.
    private ScaleTable scales(OpenedRun opened) {
        try {
            return opened.scales();
        } catch (GateException e) {
            e.problems().forEach(problem -> console.note("warning: " + problem));
            return opened.resolvableScales();
        }
    }
}
