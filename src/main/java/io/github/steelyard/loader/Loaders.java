package io.github.steelyard.loader;

import io.github.steelyard.files.ShippedFiles;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// The loaders that ship with the program, from `configs/serving/loaders`.
public final class Loaders {

    private static final String FOLDER = "configs/serving/loaders/";
    private static final String SUFFIX = ".yaml";

    private Loaders() {}

    /// Returns all, by engine and day.
    public static List<Loader> bundled() {
        List<Loader> loaders = new ArrayList<>();
        ShippedFiles.in(FOLDER, SUFFIX).forEach((name, text) -> loaders.add(LoaderReader.read(name, text)));
        loaders.sort(Comparator.comparing(Loader::engine).thenComparing(Loader::snapshot));
        return List.copyOf(loaders);
    }

    /// Finds a loader by `engine@snapshot`, or the latest by `engine`.
    ///
    /// @throws IllegalArgumentException if there is none
    public static Loader find(String name) {
        List<Loader> all = bundled();
        return all.stream()
                .filter(loader -> name.equals(loader.engine()) || name.equals(loader.label()))
                .reduce((earlier, later) -> later)
                .orElseThrow(() -> new IllegalArgumentException("loader '%s': expected one of %s"
                        .formatted(name, all.stream().map(Loader::label).toList())));
    }
}
