package io.github.steelyard.report;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.calibration.Measurement;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.SiteScale;
import io.github.steelyard.calibration.SiteStatistics;
import io.github.steelyard.calibration.Statistics;
import io.github.steelyard.model.Site;
import java.util.Optional;

/// The statistics of a run for machines.
///
/// ```text
/// {"sites": [{"site": "…experts.3.down_proj.input_quantizer", "amax": 36.1, "amax_all_tokens": null, "tokens": 72,
///             "provenance": "measured", "amax_measured": 36.1, "non_finite": 0}, …]}
/// ```
///
/// | key | what |
/// |---|---|
/// | `amax` | what the site's scale is made from under the run's recipe; the measured amax where the recipe has no
/// scale |
/// | `provenance` | where `amax` comes from: `measured`, `shared`, `imputed`, `constant`; `unmeasured` if there is none
/// |
/// | `from` | the site that it was measured at, where that is another one |
/// | `amax_measured` | over the site's own routed tokens; null without any |
/// | `amax_all_tokens` | over all tokens; null where not measured |
/// | `tokens`, `non_finite` | routed tokens; NaN and infinite values in all that was seen |
public final class StatsJson {

    private StatsJson() {}

    /// Returns the JSON text, sites in the order of their names.
    ///
    /// @param scales the scales under the run's recipe
    public static String text(Statistics statistics, ScaleTable scales) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        var sites = json.putArray("sites");
        statistics.sites().forEach((site, found) -> describe(sites.addObject(), site, found, scales.at(site)));
        return json.toString();
    }

    private static void describe(ObjectNode json, Site site, SiteStatistics found, Optional<SiteScale> scale) {
        Optional<Float> own = found.tokens() > 0 ? Optional.of(found.amax()) : Optional.empty();
        json.put("site", site.name());
        json.put("amax", scale.map(SiteScale::amax).or(() -> own).orElse(null));
        json.put("amax_all_tokens", found.all().map(Measurement::amax).orElse(null));
        json.put("tokens", found.tokens());
        json.put(
                "provenance",
                scale.map(resolved -> resolved.origin().label()).orElse(own.isPresent() ? "measured" : "unmeasured"));
        scale.flatMap(SiteScale::from).ifPresent(from -> json.put("from", from.name()));
        json.put("amax_measured", own.orElse(null));
        json.put("non_finite", found.nonFinite());
    }
}
