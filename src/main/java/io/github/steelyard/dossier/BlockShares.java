package io.github.steelyard.dossier;

import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.SiteScale;
import io.github.steelyard.format.Format;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.site.ExpertPart;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.BlockHistogram;
import io.github.steelyard.statistics.Histogram;
import io.github.steelyard.statistics.Statistics;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What becomes of blocks and values of NVFP4 inputs under their scales, where their distributions were measured.
///
/// A block's own scale is stored in E4M3 in units of `amax / (6 · 448)`, so that it is `448 · a / amax` for a block
/// whose largest magnitude is `a`. Up to `2^-10`, half of the least such number, it becomes 0, and the block with it.
final class BlockShares {

    private static final double LARGEST_E4M3 = 448;
    private static final double VANISHES = 0x1p-10;

    private final Plan plan;
    private final Statistics statistics;
    private final ScaleTable scales;

    BlockShares(Plan plan, Statistics statistics, ScaleTable scales) {
        this.plan = plan;
        this.statistics = statistics;
        this.scales = scales;
    }

    /// Returns the sites with the largest shares.
    List<RunSheet.Blocks> rows() {
        Map<String, Float> largest = new HashMap<>();
        for (ModuleInfo module : plan.modules()) {
            scale(module)
                    .ifPresent(
                            scale -> group(module).ifPresent(group -> largest.merge(group, scale.amax(), Float::max)));
        }
        List<RunSheet.Blocks> rows = new ArrayList<>();
        for (ModuleInfo module : plan.modules()) {
            Optional<Float> ofLayer = group(module).flatMap(group -> Optional.ofNullable(largest.get(group)));
            scale(module).flatMap(scale -> row(scale, ofLayer)).ifPresent(rows::add);
        }
        return rows.stream()
                .sorted(Comparator.comparingDouble((RunSheet.Blocks row) ->
                        -Math.max(row.underflow(), row.underflowOfLayer().orElse(0.0))))
                .limit(ExpertRanges.LISTED)
                .toList();
    }

    private Optional<SiteScale> scale(ModuleInfo module) {
        Site site = new Site(module.name(), Role.INPUT);
        return plan.format(site).equals(Optional.of(Format.NVFP4)) ? scales.at(site) : Optional.empty();
    }

    private static Optional<String> group(ModuleInfo module) {
        return module.expert().map((ExpertPart part) -> part.group() + part.product());
    }

    private Optional<RunSheet.Blocks> row(SiteScale scale, Optional<Float> ofLayer) {
        return ExpertRanges.seen(statistics, scale.site())
                .flatMap(found -> found.routed()
                        .blocks()
                        .map(BlockHistogram::bins)
                        .filter(bins -> sum(bins, bins.length) > 0)
                        .map(bins -> new RunSheet.Blocks(
                                scale.site().name(),
                                sum(bins, bins.length),
                                vanishing(bins, scale.amax()),
                                ofLayer.map(amax -> vanishing(bins, amax)),
                                found.routed().magnitudes().map(histogram -> above(histogram, scale.amax())))));
    }

    private static double vanishing(long[] bins, float amax) {
        double threshold = VANISHES * amax / LARGEST_E4M3;
        int bin = (int) Math.floor((Math.log(threshold) / Math.log(2) - BlockHistogram.LEAST) / BlockHistogram.WIDTH);
        return (double) sum(bins, Math.clamp(bin, 0, bins.length)) / sum(bins, bins.length);
    }

    private static double above(Histogram histogram, float amax) {
        long[] bins = histogram.bins();
        long above = 0;
        for (int i = 0; i < bins.length; i++) {
            above += histogram.edge(i) >= amax ? bins[i] : 0;
        }
        return (double) above / Math.max(1, sum(bins, bins.length));
    }

    private static long sum(long[] bins, int until) {
        long sum = 0;
        for (int i = 0; i < until; i++) {
            sum += bins[i];
        }
        return sum;
    }
}
