package io.github.steelyard.statistics;

import io.github.steelyard.site.ExpertPart;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// How many calibration tokens each routed expert saw.
///
/// One token is enough for a number, not for a good one: an expert that saw few tokens has an amax that is too small,
/// and clips. Hence a minimum that a recipe may raise.
///
/// @param minTokens the fewest tokens that an expert needs for an amax of its own
/// @param experts the experts in the order of their layers
public record Coverage(long minTokens, List<Expert> experts) {

    private static final int NAMED_IN_MESSAGE = 10;

    /// The tokens of one expert.
    ///
    /// @param layer index of the decoder layer
    /// @param expert index of the routed expert
    /// @param module the expert's name in the checkpoint, `model.layers.0.mlp.experts.3`
    /// @param tokens the fewest tokens that any projection of the expert saw
    /// @param routed how many of these were sent to it; it was shown the others to reach a number of them
    public record Expert(int layer, int expert, String module, long tokens, long routed) {}

    public Coverage {
        experts = List.copyOf(experts);
    }

    /// Returns the coverage of every routed expert among `modules`. An expert whose sites were not watched counts as
    /// one without tokens.
    public static Coverage of(Statistics statistics, List<ModuleInfo> modules, long minTokens) {
        TreeMap<List<Integer>, Expert> experts = new TreeMap<>(Coverage::compareIndices);
        for (ModuleInfo module : modules) {
            if (module.expert().isEmpty()) {
                continue;
            }
            ExpertPart part = module.expert().get();
            SiteStatistics seen =
                    statistics.at(new Site(module.name(), Role.INPUT)).orElseGet(() -> SiteStatistics.of(0, 0, 0));
            long tokens = seen.covered();
            long routed = seen.tokens();
            Expert expert = new Expert(module.layer(), part.index(), part.expert(), tokens, routed);
            experts.merge(List.of(module.layer(), part.index()), expert, Coverage::fewer);
        }
        return new Coverage(minTokens, new ArrayList<>(experts.values()));
    }

    /// Returns the experts with fewer than the minimum of tokens.
    public List<Expert> starved() {
        return experts.stream().filter(expert -> expert.tokens() < minTokens).toList();
    }

    /// Returns the experts that were shown tokens which were not sent to them.
    public List<Expert> toppedUp() {
        return experts.stream()
                .filter(expert -> expert.tokens() > expert.routed())
                .toList();
    }

    /// Returns whether every expert saw enough tokens.
    public boolean complete() {
        return starved().isEmpty();
    }

    /// Returns the least, the median and the largest number of tokens of an expert; zeros without experts.
    public long[] spread() {
        List<Long> sorted = experts.stream().map(Expert::tokens).sorted().toList();
        return sorted.isEmpty()
                ? new long[3]
                : new long[] {
                    Collections.min(sorted), sorted.get(sorted.size() / 2), Collections.max(sorted),
                };
    }

    /// Returns one line for each starved expert, the name and the tokens.
    public String list() {
        return starved().stream()
                .map(expert -> String.format(Locale.ROOT, "%s %d\n", expert.module(), expert.tokens()))
                .collect(Collectors.joining());
    }

    /// Returns one line for people: how many experts are starved, and the worst of them with their tokens.
    public String summary() {
        if (experts.isEmpty()) {
            return "no routed experts";
        }
        List<Expert> starved = starved();
        int toppedUp = toppedUp().size();
        String shown = toppedUp > 0
                ? String.format(Locale.ROOT, ", %d of them also such as were not sent there", toppedUp)
                : "";
        if (starved.isEmpty()) {
            return String.format(
                    Locale.ROOT, "all %d experts saw at least %d token(s)%s", experts.size(), minTokens, shown);
        }
        String named = starved.stream()
                .sorted(Comparator.comparingLong(Expert::tokens)) // stable: of equal ones the first layer
                .limit(NAMED_IN_MESSAGE)
                .map(expert -> String.format(Locale.ROOT, "%s (%d)", expert.module(), expert.tokens()))
                .collect(Collectors.joining(", "));
        int unnamed = starved.size() - NAMED_IN_MESSAGE;
        return String.format(
                Locale.ROOT,
                "%d of %d experts saw fewer than %d token(s): %s%s",
                starved.size(),
                experts.size(),
                minTokens,
                named,
                unnamed > 0 ? String.format(Locale.ROOT, " and %d more", unnamed) : "");
    }

    private static Expert fewer(Expert one, Expert other) {
        return other.tokens() < one.tokens() ? other : one;
    }

    private static int compareIndices(List<Integer> one, List<Integer> other) {
        int byLayer = Integer.compare(one.getFirst(), other.getFirst());
        return byLayer != 0 ? byLayer : Integer.compare(one.getLast(), other.getLast());
    }
}
