package io.github.steelyard.plan;

import io.github.steelyard.files.Finding;

/// Something about a recipe and a model that is odd, but does no harm.
///
/// @param code stable name of the kind, for example `rule.matches_nothing`
/// @param subject the rule, quantizer or option that it is about
/// @param message one line
public record PlanWarning(String code, String subject, String message) {

    /// The code of rules that match nothing.
    public static final String MATCHES_NOTHING = "rule.matches_nothing";

    /// Returns it as a finding.
    public Finding finding() {
        return Finding.warning(code, subject, message);
    }
}
