package io.github.steelyard.run;

import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.draw.Draws;
import io.github.steelyard.files.Printable;
import io.github.steelyard.statistics.Merger;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.statistics.StatisticsException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Finished runs that are parts of one: of the same checkpoint under the same recipe and settings, and of different
/// sequences. What they are together does not depend on the order in which they are named.
///
/// @param runs the runs
/// @param manifests the manifest of each
/// @param portions what they measured together, in the order of the texts' digests
public record RunParts(List<RunDirectory> runs, List<Manifest> manifests, List<Portion> portions) {

    private static final String TEXT_OPTIONS = RunKey.DATA + ".";
    private static final String TARGET = "target_tokens"; // as recipes name it

    public RunParts {
        runs = List.copyOf(runs);
        manifests = List.copyOf(manifests);
        portions = List.copyOf(portions);
    }

    /// Opens runs.
    ///
    /// @param directories of the runs, at least one
    /// @param union whether they may be of different texts
    /// @throws StatisticsException if one is none, is not finished or is damaged, if two do not go together, or if two
    ///     have a sequence in common
    public static RunParts open(List<Path> directories, boolean union) {
        List<RunDirectory> runs = directories.stream().map(RunDirectory::open).toList();
        List<Manifest> manifests = runs.stream().map(RunDirectory::manifest).toList();
        for (int i = 0; i < runs.size(); i++) {
            requireMergeable(runs.get(i), manifests.get(i), union);
            requireAlike(runs, manifests, i, union);
        }
        return new RunParts(runs, manifests, portions(runs, manifests));
    }

    /// Returns whether there are several texts.
    public boolean isUnion() {
        return portions.size() > 1;
    }

    /// Returns how many sequences were measured.
    public long sequences() {
        return portions.stream().mapToLong(Portion::sequences).sum();
    }

    /// Returns how many tokens are in these.
    public long tokens() {
        return portions.stream().mapToLong(Portion::tokens).reduce(0, Math::addExact);
    }

    /// Returns what is missing of the texts, in one line; empty if nothing is.
    public Optional<String> missing() {
        return Portion.missing(portions);
    }

    /// Returns the recipe, resolved, as JSON.
    ///
    /// @throws StatisticsException if a run has not the one that its manifest names
    public String recipe() {
        String recipe = "";
        for (int i = 0; i < runs.size(); i++) {
            recipe = runs.get(i).recipe();
            if (!Digests.ofText(recipe).equals(manifests.get(i).recipe().digest())) {
                throw new StatisticsException(
                        runs.get(i).recipeFile(), "damaged: not the recipe that manifest.json names");
            }
        }
        return recipe;
    }

    /// Returns how many tokens experts were shown others to reach; empty where they were not.
    ///
    /// @throws StatisticsException if that is no number
    public OptionalInt target() {
        String target = manifests.getFirst().settings().get(TARGET);
        try {
            return target == null ? OptionalInt.empty() : OptionalInt.of(Integer.parseInt(target));
        } catch (NumberFormatException e) {
            throw new StatisticsException(
                    runs.getFirst().manifestFile(), "%s: expected a number of tokens".formatted(TARGET), e);
        }
    }

    /// Returns where the calibrated checkpoint lay.
    public Path checkpoint() {
        return Path.of(first(Manifest::checkpoint).path());
    }

    /// Returns the statistics of all of them together. One after the other is read, whatever their number.
    ///
    /// @throws StatisticsException if those of a run are damaged, or do not go together with the others
    public Statistics statistics() {
        Merger merger = new Merger(target());
        runs.forEach(run -> merger.add(run.statistics(), run.statisticsFile()));
        return merger.statistics();
    }

    /// Returns the key of all of them together: of all parts of a text, that of the run over the text.
    public RunKey key() {
        return manifest("", Optional.empty(), new Provenance("", Instant.EPOCH, Map.of()))
                .key();
    }

    /// Returns the manifest of all of them together.
    ///
    /// @param statisticsDigest of what was measured in all
    /// @param draws what was drawn, where experts were shown tokens
    public Manifest manifest(String statisticsDigest, Optional<Draws> draws, Provenance provenance) {
        boolean whole = !isUnion() && missing().isEmpty();
        Manifest.DataInput data = isUnion()
                ? new Manifest.DataInput("", digest(), List.of())
                : portions.getFirst().source();
        return new Manifest(
                first(Manifest::checkpoint),
                manifests.stream()
                        .map(Manifest::recipe)
                        .min(Comparator.comparing(Manifest.RecipeInput::path))
                        .orElseThrow(),
                data,
                sequences(),
                tokens(),
                draws,
                whole ? List.of() : portions,
                settings(),
                statisticsDigest,
                new TreeMap<>(),
                provenance);
    }

    /// Returns the settings of all. What explains the text may have been given in several ways; of several texts it is
    /// as many things.
    private SortedMap<String, String> settings() {
        TreeMap<String, String> settings = new TreeMap<>(manifests.getFirst().settings());
        settings.keySet().removeIf(name -> name.startsWith(TEXT_OPTIONS));
        if (!isUnion()) {
            manifests.forEach(manifest -> manifest.settings()
                    .tailMap(TEXT_OPTIONS)
                    .forEach((name, value) -> {
                        if (name.startsWith(TEXT_OPTIONS)) {
                            settings.merge(name, value, (one, other) -> one.compareTo(other) <= 0 ? one : other);
                        }
                    }));
        }
        return settings;
    }

    private String digest() {
        return Digests.ofText(portions.stream()
                .map(portion -> portion.source().digest())
                .toList()
                .toString());
    }

    private Manifest.Input first(Function<Manifest, Manifest.Input> input) {
        return manifests.stream()
                .map(input)
                .min(Comparator.comparing(Manifest.Input::path))
                .orElseThrow();
    }

    private static void requireMergeable(RunDirectory run, Manifest manifest, boolean union) {
        String problem = !manifest.solved().isEmpty()
                ? "its weights are solved already, by the whole of its text: only what --shard measured merges"
                : manifest.draws().isEmpty()
                        ? ""
                        : union
                                ? "its text was drawn in rounds, and tokens are remembered by their place in it: no union of texts"
                                : manifest.portions().isEmpty()
                                        ? "its text was drawn in rounds until there was enough, not by --shard"
                                        : "";
        if (!problem.isEmpty()) {
            throw new StatisticsException(run.path(), problem);
        }
    }

    /// Refuses a run that differs from the first one in more than its part of the text.
    private static void requireAlike(List<RunDirectory> runs, List<Manifest> manifests, int index, boolean union) {
        Manifest first = manifests.getFirst();
        Manifest other = manifests.get(index);
        String there = "in " + Printable.of(runs.getFirst().path());
        Optional<String> differences = compared(other, union).differences(compared(first, union), "here", there);
        if (differences.isEmpty()
                && !first.recipe().digest().equals(other.recipe().digest())) {
            differences = Optional.of("recipe: other content here than %s".formatted(there));
        }
        if (differences.isPresent()) {
            String hint = differences.get().contains(RunKey.DATA + ": ") ? "; --union merges different texts" : "";
            throw new StatisticsException(
                    runs.get(index).path(), "is no part of the same run (%s)%s".formatted(differences.get(), hint));
        }
    }

    private static RunKey compared(Manifest manifest, boolean union) {
        TreeMap<String, String> parts = new TreeMap<>(manifest.settings());
        parts.put(RunKey.CHECKPOINT, manifest.checkpoint().digest());
        if (union) {
            parts.keySet().removeIf(name -> name.startsWith(TEXT_OPTIONS));
        } else {
            parts.put(RunKey.DATA, manifest.data().digest());
        }
        return new RunKey(parts);
    }

    private static List<Portion> portions(List<RunDirectory> runs, List<Manifest> manifests) {
        TreeMap<String, List<Owned>> texts = new TreeMap<>();
        for (int i = 0; i < runs.size(); i++) {
            RunDirectory run = runs.get(i);
            for (Portion portion : portions(run, manifests.get(i))) {
                texts.computeIfAbsent(portion.source().digest(), text -> new ArrayList<>())
                        .add(new Owned(run.path(), portion));
            }
        }
        return texts.values().stream().map(RunParts::together).toList();
    }

    private static List<Portion> portions(RunDirectory run, Manifest manifest) {
        if (!manifest.portions().isEmpty()) {
            return manifest.portions();
        }
        try {
            int count = Math.toIntExact(manifest.sequences());
            return List.of(Portion.of(manifest.data(), count, 0, count, manifest.tokens()));
        } catch (ArithmeticException | IllegalArgumentException e) {
            throw new StatisticsException(run.manifestFile(), "sequences: expected a number that a text has", e);
        }
    }

    /// What one run measured of a text.
    private record Owned(Path run, Portion portion) {}

    private static Portion together(Collection<Owned> parts) {
        List<Owned> before = new ArrayList<>();
        @Nullable Portion all = null;
        for (Owned part : parts) {
            for (Owned other : before) {
                requireApart(other, part);
            }
            before.add(part);
            all = all == null ? part.portion : joined(all, part);
        }
        return Objects.requireNonNull(all);
    }

    private static Portion joined(Portion all, Owned part) {
        try {
            return all.merge(part.portion);
        } catch (ArithmeticException | IllegalArgumentException e) {
            throw new StatisticsException(part.run, "has more tokens than any text", e);
        }
    }

    private static void requireApart(Owned one, Owned other) {
        if (one.portion.count() != other.portion.count()) {
            throw new StatisticsException(
                    other.run,
                    "damaged: a text of %s sequences has %s in %s"
                            .formatted(other.portion.count(), one.portion.count(), Printable.of(one.run)));
        }
        List<Portion.Range> common = one.portion.common(other.portion);
        if (!common.isEmpty()) {
            throw new StatisticsException(
                    other.run,
                    "sequences %s are in %s too: each part of a text counts once"
                            .formatted(Portion.named(common), Printable.of(one.run)));
        }
    }
}
