package io.github.steelyard.draw;

import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.Coverage;
import io.github.steelyard.statistics.Statistics;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What a calibration drew in rounds: the curve of coverage and convergence, and why there was no further round.
///
/// @param stop why the last round was the last
/// @param rounds the curve, a point after each round
/// @param toppedUp experts that were shown tokens which were not sent to them, in the natural order of their names
public record Draws(Stop stop, List<Round> rounds, List<ToppedUp> toppedUp) {

    /// The tokens of an expert that was sent too few.
    ///
    /// @param expert its name in the checkpoint
    /// @param routed tokens that were sent to it
    /// @param shown tokens with the nearest router scores that it was shown besides
    public record ToppedUp(String expert, long routed, long shown) {}

    /// Why no further round was begun.
    public enum Stop {
        /// Every expert has its tokens, and no amax grows any more, as far as that was asked.
        REACHED,
        /// There are no more sequences.
        DATA,
        /// The next sequence would exceed the budget of tokens.
        TOKENS,
        /// The budget of time is spent.
        TIME;

        /// Returns the name in files: `reached`, `data`, `tokens`, `time`.
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /// Where things stood after a round.
    ///
    /// @param sequences sequences drawn up to here
    /// @param tokens tokens in them
    /// @param starved experts that were sent fewer tokens than wanted; 0 where nobody asked for a number
    /// @param growth what the last sequences brought; empty as long as there is nothing to compare with
    public record Round(int sequences, long tokens, int starved, Optional<Growth> growth) {}

    /// What the last sequences brought.
    ///
    /// @param since sequences that it is compared with, those of an earlier round and all before
    /// @param grown sites of inputs and caches whose amax grew by more than the factor that was stated, else at all
    /// @param first sites among them that had seen no token, or only zeros
    /// @param largest the largest factor among the others, at least 1
    /// @param site the first site that grew by it; empty where none grew
    public record Growth(int since, int grown, int first, double largest, Optional<Site> site) {}

    public Draws {
        rounds = List.copyOf(rounds);
        toppedUp = List.copyOf(toppedUp);
    }

    /// Returns what a calibration says that drew all at once, to show each expert a number of tokens.
    ///
    /// @param sequences sequences drawn
    /// @param tokens tokens in them
    /// @param target tokens that every expert was to get
    /// @param statistics what was measured
    /// @param modules the modules of the model
    public static Draws atOnce(
            int sequences, long tokens, int target, Statistics statistics, List<ModuleInfo> modules) {
        int starved = (int) Coverage.of(statistics, modules, target).experts().stream()
                .filter(expert -> expert.routed() < target)
                .count();
        return new Draws(
                starved == 0 ? Stop.REACHED : Stop.DATA,
                List.of(new Round(sequences, tokens, starved, Optional.empty())),
                toppedUp(statistics, modules));
    }

    /// Returns the experts that were shown tokens which were not sent to them.
    static List<ToppedUp> toppedUp(Statistics statistics, List<ModuleInfo> modules) {
        return Coverage.of(statistics, modules, 0).toppedUp().stream()
                .map(expert -> new ToppedUp(expert.module(), expert.routed(), expert.tokens() - expert.routed()))
                .toList();
    }

    /// Returns one line for people.
    ///
    /// @param all sequences that there are
    public String summary(int all) {
        Round last = rounds.getLast();
        String why = switch (stop) {
            case REACHED -> "enough";
            case DATA -> "no more data";
            case TOKENS -> "budget of tokens spent";
            case TIME -> "budget of time spent";
        };
        return String.format(
                Locale.ROOT,
                "drew %d of %d sequences in %d round(s): %s; %s",
                last.sequences,
                all,
                rounds.size(),
                why,
                text(last));
    }

    /// Returns a point of the curve for people.
    public static String text(Round round) {
        String starved = String.format(Locale.ROOT, "%d experts below the target", round.starved);
        return round.growth
                .map(growth -> String.format(
                        Locale.ROOT,
                        "%s, %d amax grown since sequence %d (%d for the first time), by at most %.4f",
                        starved,
                        growth.grown,
                        growth.since,
                        growth.first,
                        growth.largest))
                .orElse(starved);
    }
}
