package io.github.steelyard.catalogue;

import io.github.steelyard.files.FileProblem;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/// The catalogues at hand: files of a directory, or those shipped with the program.
///
/// The shipped ones are found by listing `configs/serving` on the class path, so that a new file needs no index.
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
        Map<String, byte[]> files = new LinkedHashMap<>();
        for (String element : System.getProperty("java.class.path", "").split(File.pathSeparator, -1)) {
            try {
                collect(Path.of(element), files);
            } catch (IOException e) {
                throw new CatalogueException(element, 0, "cannot be read: " + e.getMessage());
            }
            if (!files.isEmpty()) {
                break; // the program's own folder or jar; no library has to be opened
            }
        }
        List<Catalogue> catalogues = new ArrayList<>();
        files.forEach(
                (name, bytes) -> catalogues.add(CatalogueReader.read(name, new String(bytes, StandardCharsets.UTF_8))));
        return new Catalogues(catalogues);
    }

    private static void collect(Path element, Map<String, byte[]> files) throws IOException {
        Path folder = element.resolve(FOLDER);
        if (Files.isDirectory(folder)) {
            try (Stream<Path> found = Files.list(folder)) {
                for (Path file : found.filter(f -> f.toString().endsWith(SUFFIX))
                        .sorted()
                        .toList()) {
                    files.putIfAbsent(FOLDER + file.getFileName(), Files.readAllBytes(file));
                }
            }
        } else if (element.toString().endsWith(".jar") && Files.isRegularFile(element)) {
            collectFromJar(element, files);
        }
    }

    private static void collectFromJar(Path jar, Map<String, byte[]> files) throws IOException {
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            List<? extends ZipEntry> entries = zip.stream()
                    .filter(entry -> entry.getName().startsWith(FOLDER)
                            && entry.getName().endsWith(SUFFIX))
                    .toList();
            for (ZipEntry entry : entries) {
                try (InputStream in = zip.getInputStream(entry)) {
                    files.putIfAbsent(entry.getName(), in.readAllBytes());
                }
            }
        }
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
