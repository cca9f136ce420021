package io.github.steelyard.report;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.calibration.ScaleOrigin;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.SiteScale;
import io.github.steelyard.draw.Draws;
import io.github.steelyard.draw.DrawsJson;
import io.github.steelyard.files.NaturalOrder;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Measurement;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/// The statistics of a run for machines.
///
/// ```text
/// {"sites": [{"site": "…experts.3.down_proj.input_quantizer", "amax": 36.1, "amax_all_tokens": null, "tokens": 72,
///             "provenance": "measured", "non_finite": 0, "scale_amax": 36.1, "scale_provenance": "measured"}, …]}
/// ```
///
/// - `amax`: measured over the site's own routed tokens; where the recipe pins, tops up or imputes one, that one
/// - `provenance`: where `amax` comes from: `measured`, `topped_up`, `imputed`, `constant`; `unmeasured` and null if
///   there is none
/// - `amax_measured`: over the site's own routed tokens in any case; null without any
/// - `amax_all_tokens`: over all tokens; null where not measured
/// - `tokens`, `non_finite`: routed tokens; NaN and infinite values in all that was seen
/// - `tokens_topped_up`, `amax_topped_up`: tokens of the nearest router scores that the expert was shown because it was
///   sent too few, and their amax; absent where there are none
/// - `adapter`: the adapter that showed the amax over the site's own routed tokens; absent where it was none
/// - `draws` beside `sites`: where the text was drawn in rounds, the curve ([DrawsJson])
/// - `scale_amax`, `scale_provenance`, `scale_from`: what the written scale is made from under the run's recipe, shared
///   ones included, and the site that it was measured at; absent where the recipe has no scale
public final class StatsJson {

    private static final Set<ScaleOrigin> REPLACED =
            EnumSet.of(ScaleOrigin.IMPUTED, ScaleOrigin.CONSTANT, ScaleOrigin.TOPPED_UP);

    private StatsJson() {}

    /// Returns the tree for [Json], sites in the natural order of their names.
    ///
    /// @param scales the scales under the run's recipe
    /// @param adapters names of the adapters that were measured, in the order of the statistics
    /// @param draws what the run drew in rounds
    public static Object of(Statistics statistics, ScaleTable scales, List<String> adapters, Optional<Draws> draws) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        draws.ifPresent(drawn -> DrawsJson.put(json, drawn));
        var sites = json.putArray("sites");
        inOrder(statistics).forEach((site, found) -> {
            ObjectNode described = sites.addObject();
            describe(described, site, found, scales.at(site));
            ScaleTable.adapter(adapters, found.routed()).ifPresent(name -> described.put("adapter", name));
        });
        return json;
    }

    /// Returns the sites with expert 2 before expert 10.
    public static SortedMap<Site, SiteStatistics> inOrder(Statistics statistics) {
        SortedMap<Site, SiteStatistics> sites = new TreeMap<>(Comparator.comparing(Site::name, NaturalOrder.INSTANCE));
        sites.putAll(statistics.sites());
        return sites;
    }

    private static void describe(ObjectNode json, Site site, SiteStatistics found, Optional<SiteScale> scale) {
        Optional<Float> own = found.tokens() > 0 ? Optional.of(found.amax()) : Optional.empty();
        Optional<SiteScale> replaced = scale.filter(s -> REPLACED.contains(s.origin()));
        json.put("site", site.name());
        json.put("amax", replaced.map(SiteScale::amax).or(() -> own).orElse(null));
        json.put("amax_all_tokens", found.all().map(Measurement::amax).orElse(null));
        json.put("tokens", found.tokens());
        if (found.covered() > found.tokens()) {
            Measurement nearest = found.topUp().measurement();
            json.put("tokens_topped_up", nearest.tokens());
            json.put("amax_topped_up", nearest.amax());
        }
        json.put(
                "provenance",
                replaced.map(s -> s.origin().label()).orElse(own.isPresent() ? "measured" : "unmeasured"));
        json.put("amax_measured", own.orElse(null));
        json.put("non_finite", found.nonFinite());
        scale.ifPresent(s -> {
            json.put("scale_amax", s.amax());
            json.put("scale_provenance", s.origin().label());
            s.from().ifPresent(from -> json.put("scale_from", from.name()));
        });
    }
}
