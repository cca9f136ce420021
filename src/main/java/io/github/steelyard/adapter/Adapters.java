package io.github.steelyard.adapter;

import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.LowRank;
import io.github.steelyard.weights.Weights;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// The adapters of a pass, in the order of their names, so that nothing depends on the order in which they are given.
public final class Adapters implements AutoCloseable {

    private final List<Adapter> adapters = new ArrayList<>();

    private Adapters() {}

    /// Opens adapters for one model.
    ///
    /// @param modules the linear layers of the model
    /// @throws io.github.steelyard.files.CheckpointException if one cannot be used
    /// @throws IllegalArgumentException if two have one name
    public static Adapters open(List<Path> directories, List<ModuleInfo> modules) {
        Adapters opened = new Adapters();
        boolean done = false;
        try {
            for (Path directory : directories) {
                Adapter adapter = Adapter.open(directory, modules);
                opened.adapters.add(adapter);
                if (opened.adapters.stream()
                                .filter(other -> other.name().equals(adapter.name()))
                                .count()
                        > 1) {
                    throw new IllegalArgumentException(
                            "two adapters in directories named '%s'".formatted(adapter.name()));
                }
            }
            opened.adapters.sort(Comparator.comparing(Adapter::name));
            done = true;
            return opened;
        } finally {
            if (!done) {
                opened.close();
            }
        }
    }

    /// Returns the adapters.
    public List<Adapter> all() {
        return List.copyOf(adapters);
    }

    /// Returns weights with what the adapters add, each in a copy of the text of its own.
    ///
    /// @param first the copy of the first adapter; those before it are without
    /// @throws io.github.steelyard.files.CheckpointException if one was saved with another head than the model's
    public Weights over(Weights below, int first) {
        adapters.forEach(adapter -> adapter.requireOwnHead(below));
        return adapters.isEmpty() ? below : new Adapted(below, all(), first);
    }

    /// Returns the floats of what the adapters add to a module.
    public long floats(ModuleInfo module) {
        return adapters.stream()
                .flatMap(adapter -> adapter.rank(module.name()).stream())
                .mapToLong(rank -> (long) rank * (module.rows() + module.columns()))
                .sum();
    }

    @Override
    public void close() {
        adapters.forEach(Adapter::close);
    }

    private record Adapted(Weights below, List<Adapter> adapters, int first) implements Weights {

        @Override
        public CheckpointWeights stored() {
            return below.stored();
        }

        @Override
        public Optional<StoredWeight> replacement(String module) {
            return below.replacement(module);
        }

        @Override
        public List<LowRank> additions(String module) {
            return IntStream.range(0, adapters.size())
                    .boxed()
                    .flatMap(i -> adapters.get(i).in(first + i, module).stream())
                    .toList();
        }

        @Override
        public StoredWeight plain(String name, int rows, int columns) {
            return below.plain(name, rows, columns);
        }

        @Override
        public float[] vector(String name, Shape shape, int from, int length) {
            return below.vector(name, shape, from, length);
        }
    }
}
