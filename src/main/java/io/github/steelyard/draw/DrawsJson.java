package io.github.steelyard.draw;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.NaturalOrder;
import io.github.steelyard.site.Site;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// [Draws] as section `draws` of `manifest.json`, and of what `stats` prints: why the last round was the last, and
/// columns over the rounds.
///
/// - `stopped`: `reached`, `data`, `tokens`, `time`
/// - `sequences`, `tokens`, `starved`: of [Draws.Round]
/// - `topped_up`: [Draws.ToppedUp] by the name of the expert
/// - `since`, `grown`, `first`, `largest_growth`, `site`: of [Draws.Growth]; 0, and an empty name, where there is none
public final class DrawsJson {

    private static final String SECTION = "draws";

    private DrawsJson() {}

    /// Adds the section to an object.
    public static void put(ObjectNode json, Draws draws) {
        ObjectNode section = json.putObject(SECTION);
        section.put("stopped", draws.stop().label());
        List<String> names = List.of("sequences", "tokens", "starved", "since", "grown", "first");
        for (String name : names) {
            ArrayNode column = section.putArray(name);
            draws.rounds().forEach(round -> column.add(value(round, name)));
        }
        put(section, draws.toppedUp());
        ArrayNode largest = section.putArray("largest_growth");
        ArrayNode sites = section.putArray("site");
        for (Draws.Round round : draws.rounds()) {
            largest.add(round.growth().map(Draws.Growth::largest).orElse(0.0));
            sites.add(round.growth().flatMap(Draws.Growth::site).map(Site::name).orElse(""));
        }
    }

    private static void put(ObjectNode section, List<Draws.ToppedUp> experts) {
        ObjectNode toppedUp = section.putObject("topped_up");
        experts.forEach(expert -> toppedUp.putObject(expert.expert())
                .put("routed", expert.routed())
                .put("shown", expert.shown()));
    }

    private static List<Draws.ToppedUp> toppedUp(ConfigJson section) {
        Optional<ConfigJson> experts = section.object("topped_up");
        List<Draws.ToppedUp> toppedUp = new ArrayList<>();
        List<String> names = experts.map(ConfigJson::keys).orElse(Set.of()).stream()
                .sorted(NaturalOrder.INSTANCE)
                .toList();
        for (String name : names) {
            ConfigJson expert = experts.flatMap(all -> all.object(name))
                    .orElseThrow(() -> section.unsuitable("topped_up", "an object for each expert"));
            toppedUp.add(new Draws.ToppedUp(
                    name,
                    expert.integer("routed", 0, Integer.MAX_VALUE),
                    expert.integer("shown", 0, Integer.MAX_VALUE)));
        }
        return toppedUp;
    }

    private static long value(Draws.Round round, String name) {
        Optional<Draws.Growth> growth = round.growth();
        return switch (name) {
            case "sequences" -> round.sequences();
            case "tokens" -> round.tokens();
            case "starved" -> round.starved();
            case "since" -> growth.map(Draws.Growth::since).orElse(0);
            case "grown" -> growth.map(Draws.Growth::grown).orElse(0);
            case "first" -> growth.map(Draws.Growth::first).orElse(0);
            default -> throw new IllegalArgumentException(name);
        };
    }

    /// Returns what [#put] wrote, empty where there is no such section.
    ///
    /// @throws io.github.steelyard.files.CheckpointException if it is damaged
    public static Optional<Draws> read(ConfigJson json) {
        return json.object(SECTION).map(DrawsJson::draws);
    }

    private static Draws draws(ConfigJson json) {
        String stopped = json.string("stopped");
        Draws.Stop stop = Arrays.stream(Draws.Stop.values())
                .filter(reason -> reason.label().equals(stopped))
                .findFirst()
                .orElseThrow(() -> json.unsuitable("stopped", "why the last round was the last"));
        List<Integer> sequences = json.integers("sequences");
        int count = sequences.size();
        List<Double> tokens = numbers(json, "tokens", count);
        List<Double> starved = numbers(json, "starved", count);
        List<Double> since = numbers(json, "since", count);
        List<Double> grown = numbers(json, "grown", count);
        List<Double> first = numbers(json, "first", count);
        List<Double> largest = numbers(json, "largest_growth", count);
        List<String> sites = json.strings("site");
        if (count == 0 || sites.size() != count) {
            throw json.unsuitable("site", "a name for each round, of which there is one at least");
        }
        List<Draws.Round> rounds = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Optional<Draws.Growth> growth = since.get(i) == 0
                    ? Optional.empty()
                    : Optional.of(new Draws.Growth(
                            since.get(i).intValue(),
                            grown.get(i).intValue(),
                            first.get(i).intValue(),
                            largest.get(i),
                            site(json, sites.get(i))));
            rounds.add(new Draws.Round(
                    sequences.get(i), tokens.get(i).longValue(), starved.get(i).intValue(), growth));
        }
        return new Draws(stop, rounds, toppedUp(json));
    }

    private static List<Double> numbers(ConfigJson json, String name, int rounds) {
        List<Double> numbers = json.numbers(name);
        if (numbers.size() != rounds || numbers.stream().anyMatch(number -> !(number >= 0))) {
            throw json.unsuitable(name, "a number of at least 0 for each round");
        }
        return numbers;
    }

    private static Optional<Site> site(ConfigJson json, String name) {
        return name.isEmpty()
                ? Optional.empty()
                : Optional.of(Site.named(name).orElseThrow(() -> json.unsuitable("site", "names of quantizers")));
    }
}
