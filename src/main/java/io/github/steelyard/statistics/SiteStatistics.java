package io.github.steelyard.statistics;

import io.github.steelyard.site.Population;
import java.util.Optional;

/// What was measured at one site.
///
/// @param routed over the tokens that the forward pass sends through the module; every token outside the experts
/// @param all over every token, whatever the router chose; empty unless all experts were asked for
/// @param topUp tokens that an expert was shown because too few were sent to it
public record SiteStatistics(Measurement routed, Optional<Measurement> all, TopUp topUp) {

    /// Returns statistics of an expert that was shown no token to reach a number of them.
    public SiteStatistics(Measurement routed, Optional<Measurement> all) {
        this(routed, all, TopUp.NONE);
    }

    /// Returns statistics without an all-token measurement.
    public static SiteStatistics of(float amax, long tokens, long nonFinite) {
        return new SiteStatistics(new Measurement(amax, tokens, nonFinite), Optional.empty());
    }

    /// Returns what was measured over a population of tokens.
    Optional<Measurement> over(Population population) {
        return switch (population) {
            case ROUTED -> Optional.of(routed);
            case ALL -> all;
        };
    }

    /// Returns the amax over routed tokens.
    public float amax() {
        return routed.amax();
    }

    /// Returns how many tokens were routed here.
    public long tokens() {
        return routed.tokens();
    }

    /// Returns how many tokens were routed here or shown to reach a number of them.
    public long covered() {
        return Math.addExact(routed.tokens(), topUp.tokens().size());
    }

    /// Returns how many values were NaN or infinite in all that was seen.
    public long nonFinite() {
        long others = all.map(Measurement::nonFinite).orElse(0L);
        return Math.addExact(
                Math.addExact(routed.nonFinite(), others), topUp.measurement().nonFinite());
    }

    /// Returns whether an adapter showed the amax of either population.
    boolean namesVariant() {
        return routed.variant() > 0 || all.map(Measurement::variant).orElse(0) > 0;
    }

    /// Returns the statistics of both parts together.
    public SiteStatistics merge(SiteStatistics other) {
        Optional<Measurement> both = all.isPresent() && other.all.isPresent()
                ? Optional.of(all.get().merge(other.all.get()))
                : all.or(() -> other.all);
        return new SiteStatistics(routed.merge(other.routed), both, topUp.merge(other.topUp));
    }

    /// Returns the same with no more tokens shown than `target` wants beyond the routed ones.
    SiteStatistics toppedUpTo(long target) {
        return new SiteStatistics(routed, all, topUp.limited(target - routed.tokens()));
    }
}
