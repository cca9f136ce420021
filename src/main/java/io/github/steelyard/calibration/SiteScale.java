package io.github.steelyard.calibration;

import io.github.steelyard.site.Site;
import java.util.Optional;

/// The amax that the scale of one site is made from.
///
/// @param site the site
/// @param amax positive and finite, in the tensor's own units
/// @param origin where it comes from
/// @param from the site that `amax` was measured at, if it is another one
/// @param detail why it is not the site's own, in a few words; empty for a measured one
public record SiteScale(Site site, float amax, ScaleOrigin origin, Optional<Site> from, String detail) {

    /// @throws IllegalArgumentException if `amax` is not positive and finite
    public SiteScale {
        if (!(amax > 0) || !Float.isFinite(amax)) {
            throw new IllegalArgumentException(
                    "amax of %s must be positive and finite, found %s".formatted(site, amax));
        }
    }

    /// Returns the same with more detail.
    SiteScale noting(String more) {
        return new SiteScale(site, amax, origin, from, detail.isEmpty() ? more : detail + ", " + more);
    }

    static SiteScale measured(Site site, float amax) {
        return new SiteScale(site, amax, ScaleOrigin.MEASURED, Optional.empty(), "");
    }

    static SiteScale searched(Site site, float amax, float measured) {
        return new SiteScale(site, amax, ScaleOrigin.SEARCHED, Optional.empty(), "largest magnitude " + measured);
    }

    static SiteScale constant(Site site, float amax) {
        return new SiteScale(site, amax, ScaleOrigin.CONSTANT, Optional.empty(), "pinned by the recipe");
    }

    static SiteScale imputed(Site site, float amax, Optional<Site> from, String detail) {
        return new SiteScale(site, amax, ScaleOrigin.IMPUTED, from, detail);
    }

    /// The larger of two; of equal ones the first by name, so that the result does not depend on order.
    static SiteScale larger(SiteScale one, SiteScale other) {
        int byAmax = Float.compare(one.amax, other.amax);
        return byAmax > 0 || (byAmax == 0 && one.site.compareTo(other.site) <= 0) ? one : other;
    }

    /// Returns the scale of `site` that takes over `other`'s amax because both must be equal.
    static SiteScale shared(Site site, SiteScale other, String why) {
        return new SiteScale(site, other.amax, ScaleOrigin.SHARED, Optional.of(other.from.orElse(other.site)), why);
    }
}
