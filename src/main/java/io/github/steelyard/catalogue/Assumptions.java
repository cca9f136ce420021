package io.github.steelyard.catalogue;

import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Verdicts taken as given, for "what if" questions and for cases whose original test replaced a check.
///
/// @param experts by expert class (`*` for all): whether it supports everything or nothing
/// @param devicePrefixes expert classes whose name starts so pass the device check
/// @param deviceFamilies whether a device may belong to a family of capabilities at all
public record Assumptions(Map<String, Boolean> experts, Set<String> devicePrefixes, boolean deviceFamilies) {

    public Assumptions {
        experts = Map.copyOf(experts);
        devicePrefixes = Set.copyOf(devicePrefixes);
    }

    /// Nothing assumed.
    public static Assumptions none() {
        return new Assumptions(Map.of(), Set.of(), true);
    }

    /// Returns the verdict taken as given for an expert class.
    public Optional<Boolean> verdict(String expertClass) {
        return Optional.ofNullable(experts.get(expertClass)).or(() -> Optional.ofNullable(experts.get("*")));
    }

    /// Returns whether the device check of an expert class is taken as passed.
    public boolean deviceAssumed(String expertClass) {
        return devicePrefixes.stream().anyMatch(expertClass::startsWith);
    }
}
