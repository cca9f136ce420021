package io.github.steelyard.statistics;

import io.github.steelyard.files.Printable;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;

/// Puts together what several runs measured of one model. What tokens showed adds up as it does within a run, in any
/// order ([Observation]); weights are what every run saw whole, so all must have seen the same, and it counts once.
///
/// It holds the sum and the part that is being added, however many parts there are.
public final class Merger {

    private final OptionalInt target;
    private final TreeMap<Site, SiteStatistics> sites = new TreeMap<>();

    /// @param target tokens that experts were shown others to reach; empty where they were not
    public Merger(OptionalInt target) {
        this.target = target;
    }

    /// Adds the statistics of a run.
    ///
    /// @param file where they lie, for what is said of them
    /// @throws StatisticsException if they do not go together with those before
    public void add(Statistics part, Path file) {
        for (Map.Entry<Site, SiteStatistics> entry : part.sites().entrySet()) {
            Site site = entry.getKey();
            SiteStatistics found = entry.getValue();
            SiteStatistics before = sites.get(site);
            sites.put(site, before == null ? found : merge(site, before, found, file));
        }
    }

    /// Returns what was measured in all parts.
    public Statistics statistics() {
        return new Statistics(sites);
    }

    private SiteStatistics merge(Site site, SiteStatistics before, SiteStatistics found, Path file) {
        if (site.role() == Role.WEIGHT) {
            return once(site, before, found, file);
        }
        try {
            SiteStatistics both = before.merge(found);
            return target.isPresent() ? both.toppedUpTo(target.getAsInt()) : both;
        } catch (ArithmeticException | IllegalArgumentException e) {
            throw new StatisticsException(
                    file,
                    "site %s: does not go together with the other runs: %s"
                            .formatted(Printable.quoted(site.name()), e.getMessage()),
                    e);
        }
    }

    /// A weight that nobody looked at says nothing.
    private static SiteStatistics once(Site site, SiteStatistics before, SiteStatistics found, Path file) {
        if (!before.equals(found) && before.tokens() > 0 && found.tokens() > 0) {
            throw new StatisticsException(
                    file,
                    "site %s: the weight was another one than in the other runs (amax %s here, %s there)"
                            .formatted(Printable.quoted(site.name()), found.amax(), before.amax()));
        }
        return before.tokens() > 0 ? before : found;
    }
}
