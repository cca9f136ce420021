package io.github.steelyard.dossier;

import io.github.steelyard.chart.HeatMap;
import io.github.steelyard.dossier.Dossier.Fact;
import io.github.steelyard.dossier.Dossier.Remark;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// What is shown of a run.
///
/// @param directory where it lies
/// @param facts what ran
/// @param settings what it was begun with
/// @param remarks warnings and errors
/// @param coverage tokens of experts
/// @param provenance how many scales come from where
/// @param maps numbers of each expert: tokens, amax, share of the layer's largest amax
/// @param outliers experts far from the median of their layer, the farthest first
/// @param outlierCount how many there are
/// @param shown sites that all tokens were shown, the largest difference first
/// @param cache amax of keys and values
/// @param rounds how drawing in rounds got on; empty where the text was drawn at once
/// @param collapse what one scale for each layer does to its experts
/// @param blocks what becomes of blocks and values, where distributions were measured
/// @param sites the numbers of `stats`, of all sites or of those outside experts
/// @param sitesLeftOut how many sites are not among them
record RunSheet(
        String directory,
        List<Fact> facts,
        List<Fact> settings,
        List<Remark> remarks,
        Coverage coverage,
        SortedMap<String, Long> provenance,
        List<HeatMap> maps,
        List<Outlier> outliers,
        int outlierCount,
        List<Shown> shown,
        List<Cache> cache,
        List<Round> rounds,
        List<Collapse> collapse,
        List<Blocks> blocks,
        List<SiteRow> sites,
        int sitesLeftOut) {

    RunSheet {
        facts = List.copyOf(facts);
        settings = List.copyOf(settings);
        remarks = List.copyOf(remarks);
        provenance = Collections.unmodifiableSortedMap(new TreeMap<>(provenance));
        maps = List.copyOf(maps);
        outliers = List.copyOf(outliers);
        shown = List.copyOf(shown);
        cache = List.copyOf(cache);
        rounds = List.copyOf(rounds);
        collapse = List.copyOf(collapse);
        blocks = List.copyOf(blocks);
        sites = List.copyOf(sites);
    }

    /// How many tokens experts saw.
    ///
    /// @param summary a line for people
    /// @param minTokens fewest tokens that an expert needs
    /// @param experts how many experts there are
    /// @param least the fewest tokens that one was sent
    /// @param median that of the expert in the middle
    /// @param most the most
    /// @param histogram experts by tokens
    /// @param starved those below the minimum
    record Coverage(
            String summary,
            long minTokens,
            int experts,
            long least,
            long median,
            long most,
            List<Bin> histogram,
            List<Starved> starved) {

        Coverage {
            histogram = List.copyOf(histogram);
            starved = List.copyOf(starved);
        }
    }

    /// Experts that were sent so many tokens.
    record Bin(String tokens, int experts) {}

    /// An expert with too few tokens.
    ///
    /// @param tokens with those that it was only shown
    /// @param routed those that it was sent
    record Starved(String expert, long tokens, long routed) {}

    /// An expert's site whose amax is far from its layer's.
    ///
    /// @param median the median of the same product over the layer's experts
    /// @param ratio amax by median
    record Outlier(String site, float amax, float median, double ratio) {}

    /// A site that was shown all tokens.
    ///
    /// @param ratio amax over all tokens by that over routed ones
    record Shown(String site, float amax, float amaxAllTokens, double ratio) {}

    /// The cache of one attention.
    ///
    /// @param key amax of keys, or of the latent
    /// @param value amax of values, or of the rotated key
    record Cache(int layer, String module, Optional<Float> key, Optional<Float> value) {}

    /// A round of drawing.
    ///
    /// @param starved experts below the target
    /// @param grown sites whose amax grew since the round before
    /// @param largestGrowth by how much the amax of one grew at most: 0.01 is one hundredth
    record Round(int sequences, long tokens, int starved, int grown, double largestGrowth) {}

    /// Experts of one layer under one scale for all.
    ///
    /// @param input which input: `w13` or `w2`
    /// @param largest the largest amax: what a backend with one scale takes
    /// @param median the median of the experts' own amax by that
    /// @param least the smallest
    /// @param expert whose it is
    record Collapse(int layer, String input, float largest, double median, double least, String expert) {}

    /// Blocks and values of one input.
    ///
    /// @param blocks blocks of 16 that are not all zeros
    /// @param underflow the share of them whose scale becomes 0 under the site's own scale
    /// @param underflowOfLayer the same under one scale for the layer; empty outside experts
    /// @param saturated the share of values above the amax of the site's own scale; empty where magnitudes were not
    ///     measured
    record Blocks(
            String site,
            long blocks,
            double underflow,
            Optional<Double> underflowOfLayer,
            Optional<Double> saturated) {}

    /// A site as `stats` shows it.
    record SiteRow(
            String site,
            Optional<Float> amax,
            Optional<Float> amaxAllTokens,
            long tokens,
            String provenance,
            Optional<Float> scaleAmax,
            Optional<String> scaleProvenance) {}
}
