package io.github.steelyard.calibration;

import io.github.steelyard.format.Format;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/// Gives modules that servers run with one scale the largest of theirs: rules 5 and 6 of [ScaleTable].
///
/// @param scales of the sites; become those that are shared
record ScaleSharing(
        List<ModuleInfo> modules, Function<Site, Optional<QuantizerConfig>> quantizers, Map<Site, SiteScale> scales) {

    private static final String SHARED_INPUT = "one scale for modules that share an input";
    private static final String JOINED = "one scale for modules that servers keep in one matrix";
    private static final String STACKED = "one scale for all experts in one tensor";

    void unify() {
        unifyGroups();
        unifyStacks();
    }

    private void unifyGroups() {
        Set<List<String>> done = new HashSet<>();
        for (ModuleInfo module : modules) {
            unifyOnce(module.inputGroup(), false, SHARED_INPUT, done);
        }
        done.clear();
        for (ModuleInfo module : modules) {
            unifyOnce(module.joined(), true, JOINED, done);
        }
    }

    private void unifyOnce(List<String> group, boolean joined, String why, Set<List<String>> done) {
        if (group.size() > 1 && done.add(group)) {
            unify(group, Role.INPUT, name -> isSharedAsJoined(name).equals(Optional.of(joined)), why);
            unify(group, Role.WEIGHT, name -> isSharedAsJoined(name).equals(Optional.of(joined)), why);
        }
    }

    private void unifyStacks() {
        Map<String, List<String>> members = new LinkedHashMap<>();
        modules.forEach(module -> module.stacked()
                .ifPresent(place -> members.computeIfAbsent(place.stack().tensor(), absent -> new ArrayList<>())
                        .add(module.name())));
        for (List<String> names : members.values()) {
            unify(names, Role.INPUT, this::isQuantised, STACKED);
            unify(names, Role.WEIGHT, this::isQuantised, STACKED);
        }
    }

    private boolean isQuantised(String module) {
        return quantizers
                .apply(new Site(module, Role.WEIGHT))
                .filter(QuantizerConfig::enable)
                .filter(QuantizerConfig::hasTensorAmax)
                .isPresent();
    }

    private void unify(List<String> group, Role role, Predicate<String> joined, String why) {
        List<Site> sites =
                group.stream().filter(joined).map(name -> new Site(name, role)).toList();
        Optional<SiteScale> largest =
                sites.stream().map(scales::get).filter(Objects::nonNull).reduce(SiteScale::larger);
        if (largest.isEmpty()) {
            return;
        }
        for (Site site : sites) {
            SiteScale own = scales.get(site);
            if (own == null ? role == Role.WEIGHT : own.amax() != largest.get().amax()) {
                scales.put(
                        site,
                        own != null && own.origin() == ScaleOrigin.IMPUTED
                                ? SiteScale.imputed(
                                        site,
                                        largest.get().amax(),
                                        Optional.of(largest.get().site()),
                                        own.detail())
                                : SiteScale.shared(site, largest.get(), why));
            }
        }
    }

    /// Returns whether a module shares its scales with those that servers keep in one matrix with it, rather than with
    /// all that read the same input; empty if its weight is not quantised, or is FP8 in parts, whose input has no
    /// scale.
    private Optional<Boolean> isSharedAsJoined(String module) {
        return quantizers
                .apply(new Site(module, Role.WEIGHT))
                .filter(QuantizerConfig::enable)
                .flatMap(QuantizerConfig::format)
                .filter(format -> format.coding() != Format.Coding.FP8 || format.hasTensorScale())
                .map(format -> format.coding() == Format.Coding.FP8);
    }
}
