package io.github.steelyard.catalogue;

import io.github.steelyard.files.FileProblem;
import io.github.steelyard.files.ShippedFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/// The catalogues at hand: files of a directory, or those of `configs/serving` that ship with the program.
public final class Catalogues {

    private static final String FOLDER = "configs/serving/";
    private static final String SUFFIX = ".yaml";

    private final List<Catalogue> catalogues;

    private Catalogues(List<Catalogue> catalogues) {
        this.catalogues = catalogues.stream()
                .sorted(Comparator.comparing(Catalogue::engine).thenComparing(Catalogue::snapshot))
                .toList();
    }

    /// Reads every `*.yaml` of a directory.
    ///
    /// @throws CatalogueException if one of them is no catalogue
    public static Catalogues in(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return new Catalogues(files.filter(file -> file.toString().endsWith(SUFFIX))
                    .sorted()
                    .map(CatalogueReader::read)
                    .toList());
        } catch (IOException e) {
            throw new CatalogueException(
                    directory.toString(), 0, "cannot be listed: " + FileProblem.reason(directory, e));
        }
    }

    /// Reads the catalogues shipped with the program.
    public static Catalogues bundled() {
        List<Catalogue> catalogues = new ArrayList<>();
        ShippedFiles.in(FOLDER, SUFFIX).forEach((name, text) -> {
            if (name.indexOf('/', FOLDER.length()) < 0) { // what lies deeper is no catalogue
                catalogues.add(CatalogueReader.read(name, text));
            }
        });
        return new Catalogues(catalogues);
    }

    /// Returns the catalogues by engine and date.
    public List<Catalogue> all() {
        return catalogues;
    }

    /// Finds a catalogue by `engine@snapshot`, or the latest by `engine`. A snapshot is a date or one of its aliases.
    ///
    /// @throws IllegalArgumentException if there is none
    public Catalogue find(String name) {
        int at = name.indexOf('@');
        String engine = at < 0 ? name : name.substring(0, at);
        List<Catalogue> found = catalogues.stream()
                .filter(catalogue -> catalogue.engine().equals(engine))
                .filter(catalogue -> at < 0 || catalogue.answersTo(name.substring(at + 1)))
                .toList();
        if (found.isEmpty()) {
            throw new IllegalArgumentException("catalogue '%s': expected one of %s"
                    .formatted(name, catalogues.stream().map(Catalogue::label).toList()));
        }
        return found.getLast();
    }
}
