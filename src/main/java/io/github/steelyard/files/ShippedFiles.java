package io.github.steelyard.files;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/// The texts that ship with the program, by their names on the class path (`configs/serving/steelyard.yaml`).
///
/// They are found by listing the program's own folder or jar, so that a new file needs no index.
public final class ShippedFiles {

    private ShippedFiles() {}

    /// Returns the files of a folder and of the folders in it, by name.
    ///
    /// @param folder where they lie, with a slash at its end
    /// @param suffix how their names end
    public static SortedMap<String, String> in(String folder, String suffix) {
        SortedMap<String, String> files = new TreeMap<>();
        for (String element : System.getProperty("java.class.path", "").split(File.pathSeparator, -1)) {
            try {
                collect(Path.of(element), folder, suffix, files);
            } catch (IOException e) {
                throw new IllegalStateException("%s: cannot be read: %s".formatted(element, e.getMessage()), e);
            }
            if (!files.isEmpty()) {
                break; // the program's own folder or jar; no library has to be opened
            }
        }
        return files;
    }

    private static void collect(Path element, String folder, String suffix, SortedMap<String, String> files)
            throws IOException {
        Path directory = element.resolve(folder);
        if (Files.isDirectory(directory)) {
            try (Stream<Path> found = Files.walk(directory)) {
                for (Path file :
                        found.filter(f -> f.toString().endsWith(suffix)).toList()) {
                    String name = directory.relativize(file).toString().replace(File.separatorChar, '/');
                    files.put(folder + name, Files.readString(file));
                }
            }
        } else if (element.toString().endsWith(".jar") && Files.isRegularFile(element)) {
            collectFromJar(element, folder, suffix, files);
        }
    }

    private static void collectFromJar(Path jar, String folder, String suffix, SortedMap<String, String> files)
            throws IOException {
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            List<? extends ZipEntry> entries = zip.stream()
                    .filter(entry -> entry.getName().startsWith(folder)
                            && entry.getName().endsWith(suffix))
                    .toList();
            for (ZipEntry entry : entries) {
                try (InputStream in = zip.getInputStream(entry)) {
                    files.put(entry.getName(), new String(in.readAllBytes(), StandardCharsets.UTF_8));
                }
            }
        }
    }
}
