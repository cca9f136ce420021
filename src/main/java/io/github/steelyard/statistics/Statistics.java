package io.github.steelyard.statistics;

import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Site;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// Everything that a calibration measured, site by site, in the order of the sites' names. Nothing derived is stored:
/// a layer's maximum, a scale and its provenance follow from these numbers and a recipe.
///
/// @param sites the statistics of each site that was watched, those that saw no token included
public record Statistics(SortedMap<Site, SiteStatistics> sites) {

    public Statistics {
        sites = Collections.unmodifiableSortedMap(new TreeMap<>(sites));
    }

    /// Returns the statistics of these sites.
    public static Statistics of(Map<Site, SiteStatistics> sites) {
        return new Statistics(new TreeMap<>(sites));
    }

    /// Returns statistics of sites that saw nothing: those that belong in a result even if no token reaches them, such
    /// as the sites of every expert.
    public static Statistics unseen(List<ModuleInfo> modules) {
        TreeMap<Site, SiteStatistics> sites = new TreeMap<>();
        for (ModuleInfo module : modules) {
            module.sites().forEach(site -> sites.put(site, SiteStatistics.of(0, 0, 0)));
        }
        return new Statistics(sites);
    }

    /// Returns what was measured at `site`, empty if it was not watched.
    public Optional<SiteStatistics> at(Site site) {
        return Optional.ofNullable(sites.get(site));
    }

    /// Returns these with no more tokens shown to an expert than `target` wants beyond the routed ones. Parts that were
    /// each topped up to a target give, merged and limited, what their tokens together would have given.
    public Statistics toppedUpTo(long target) {
        TreeMap<Site, SiteStatistics> limited = new TreeMap<>(sites);
        limited.replaceAll((site, found) -> found.toppedUpTo(target));
        return new Statistics(limited);
    }

    /// Returns the statistics of all parts together: maxima of amax, sums of counts.
    public static Statistics merged(List<Statistics> parts) {
        TreeMap<Site, SiteStatistics> merged = new TreeMap<>();
        parts.forEach(part -> part.sites.forEach((site, found) -> merged.merge(site, found, SiteStatistics::merge)));
        return new Statistics(merged);
    }
}
