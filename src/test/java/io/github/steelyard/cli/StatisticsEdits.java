package io.github.steelyard.cli;

import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.statistics.StatisticsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/// Statistics of a run that are changed so that its manifest still names them.
final class StatisticsEdits {

    private StatisticsEdits() {}

    /// Changes the statistics of all sites that have a text in their names.
    static void replace(Path run, String name, UnaryOperator<SiteStatistics> edit) throws IOException {
        Path file = run.resolve("statistics.safetensors");
        Path manifest = run.resolve("manifest.json");
        String before = StatisticsFile.digest(file);
        TreeMap<Site, SiteStatistics> sites =
                new TreeMap<>(StatisticsFile.read(file).sites());
        sites.replaceAll((site, found) -> site.name().contains(name) ? edit.apply(found) : found);
        StatisticsFile.write(new Statistics(sites), file);
        Files.writeString(manifest, Files.readString(manifest).replace(before, StatisticsFile.digest(file)));
    }

    /// Returns the same with a larger amax.
    static SiteStatistics louder(SiteStatistics found) {
        return SiteStatistics.of(2 * found.amax(), found.tokens(), 0);
    }

    /// Returns the same with more tokens than can be added to.
    static SiteStatistics endless(SiteStatistics found) {
        return new SiteStatistics(new Measurement(found.amax(), Long.MAX_VALUE, 0), found.all());
    }
}
