package io.github.steelyard.catalogue;

import java.util.Locale;
import java.util.Map;
import java.util.Set;

/// How the model is spread over devices.
///
/// @param tp tensor-parallel size, at least 1
/// @param dp data-parallel size, at least 1
/// @param pcp prefill-context-parallel size, at least 1
/// @param sp sequence-parallel size, at least 1
/// @param ep expert-parallel size, at least 1
/// @param expertParallel whether experts are spread (rather than each expert's weights being split)
/// @param all2all name of the exchange kernels between ranks, used only when tokens move
/// @param eplb whether experts are rebalanced at run time
public record Deployment(
        int tp, int dp, int pcp, int sp, int ep, boolean expertParallel, String all2all, boolean eplb) {

    static final String NO_EXCHANGE = "none";
    private static final String DEFAULT_EXCHANGE = "allgather_reducescatter";

    public Deployment {
        if (tp < 1 || dp < 1 || pcp < 1 || sp < 1 || ep < 1) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "parallel sizes must be positive: tp %d, dp %d, pcp %d, sp %d, ep %d",
                    tp,
                    dp,
                    pcp,
                    sp,
                    ep));
        }
    }

    /// One device.
    public static Deployment single() {
        return new Deployment(1, 1, 1, 1, 1, false, DEFAULT_EXCHANGE, false);
    }

    /// Derives the expert-parallel size as the engine does: with expert parallelism the experts are spread over
    /// `tp · dp` devices and no expert is split.
    public static Deployment of(int tp, int dp, boolean expertParallel, String all2all, boolean eplb) {
        return new Deployment(tp, dp, 1, 1, expertParallel ? tp * dp : 1, expertParallel, all2all, eplb);
    }

    /// Returns the default exchange kernels.
    public static String defaultExchange() {
        return DEFAULT_EXCHANGE;
    }

    /// Returns the ranks that split one expert's intermediate dimension.
    public int expertShards() {
        return expertParallel ? 1 : tp * dp * pcp;
    }

    boolean sequenceParallel() {
        return sp > 1;
    }

    /// Returns the same deployment with the exchange kernels that an engine uses in it: `none` when no token leaves its
    /// rank.
    ///
    /// @param aliases exchange kernels with two names
    /// @param across the kinds of parallelism between whose ranks tokens move: `dp`, `pcp`, `sp`
    public Deployment exchanging(Map<String, String> aliases, Set<String> across) {
        boolean moves = expertParallel && across.stream().anyMatch(kind -> ranks(kind) > 1);
        String kernels = moves ? aliases.getOrDefault(all2all, all2all) : NO_EXCHANGE;
        return new Deployment(tp, dp, pcp, sp, ep, expertParallel, kernels, eplb);
    }

    private int ranks(String kind) {
        return switch (kind) {
            case "dp" -> dp;
            case "pcp" -> pcp;
            case "sp" -> sp;
            default ->
                throw new IllegalArgumentException("kind of parallelism '%s': expected dp, pcp or sp".formatted(kind));
        };
    }

    /// Describes the deployment for messages.
    public String label() {
        return String.format(
                Locale.ROOT,
                "tp=%d dp=%d ep=%d expert_parallel=%b sp=%d all2all=%s eplb=%b",
                tp,
                dp,
                ep,
                expertParallel,
                sp,
                all2all,
                eplb);
    }
}
