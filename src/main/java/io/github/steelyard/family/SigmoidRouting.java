package io.github.steelyard.family;

import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.moe.Routing;
import java.util.List;
import java.util.Locale;

/// Reads the routing of DeepSeek-V3, which GLM-4.5 and Nemotron took over.
final class SigmoidRouting {

    private SigmoidRouting() {}

    /// Returns the grouped sigmoid routing of a config over `experts` experts.
    static Routing read(CommonConfig common, int experts) {
        ConfigJson config = common.config();
        common.source().oneOf("scoring_func", List.of("sigmoid"));
        common.source().oneOf("topk_method", List.of("noaux_tc"));
        int groups = groups(config, experts);
        int kept = keptGroups(config, groups);
        return new Routing.GroupedSigmoid(
                config.integer("num_experts_per_tok", 1, experts / groups * kept),
                groups,
                kept,
                config.flag("norm_topk_prob", true),
                scale(common));
    }

    /// Returns the number of groups that the experts form.
    static int groups(ConfigJson config, int experts) {
        int groups = config.integerOr("n_group", 1, 1, experts);
        if (experts % groups != 0) {
            throw config.unsuitable(
                    "n_group", String.format(Locale.ROOT, "a divisor of n_routed_experts = %d", experts));
        }
        return groups;
    }

    /// Returns the number of groups that a token's experts may come from.
    static int keptGroups(ConfigJson config, int groups) {
        return config.integerOr("topk_group", 1, 1, groups);
    }

    /// Returns the factor on the routing weights.
    static float scale(CommonConfig common) {
        return (float) common.source().number("routed_scaling_factor", 1, 0, 1e6);
    }
}
