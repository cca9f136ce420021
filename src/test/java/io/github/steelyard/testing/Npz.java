package io.github.steelyard.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/// A zip of NumPy arrays. The keys of `conformance/architectures/*/ref.npz`, for prompt `p` (0 or 1) and layer `n`:
///
/// | key | type and shape | what |
/// |---|---|---|
/// | `ids_p` | int32 (1, tokens) | the prompt |
/// | `mixer<n>_p` | float32 (1, tokens, hidden) | output of the layer's attention (or other mixer) |
/// | `layer<n>_p` | float32 (1, tokens, hidden) | the residual stream after the layer |
/// | `rlogits/<router>_p` | float32 (tokens, experts) | router logits; `<router>` is the module's published name |
/// | `rw/<router>_p` | float32 (tokens, top-k) | routing weights |
/// | `ridx/<router>_p` | int64 (tokens, top-k) | chosen experts |
/// | `logits_p` | float32 (1, tokens, vocabulary) | the output |
public final class Npz {

    private final Path file;
    private final SortedMap<String, Npy> arrays;

    private Npz(Path file, SortedMap<String, Npy> arrays) {
        this.file = file;
        this.arrays = arrays;
    }

    /// Reads all arrays of `file`.
    public static Npz read(Path file) {
        SortedMap<String, Npy> arrays = new TreeMap<>();
        try (ZipInputStream zip = new ZipInputStream(Files.newInputStream(file))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                String name = entry.getName();
                String key = name.endsWith(".npy") ? name.substring(0, name.length() - ".npy".length()) : name;
                arrays.put(key, Npy.parse(name, zip.readAllBytes()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Npz(file, arrays);
    }

    /// Reads one `.npy` file.
    public static Npy readArray(Path file) {
        try {
            return Npy.parse(file.toString(), Files.readAllBytes(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Returns the keys in order.
    public Set<String> keys() {
        return Collections.unmodifiableSet(arrays.keySet());
    }

    /// Returns whether there is an array of this name.
    public boolean has(String key) {
        return arrays.containsKey(key);
    }

    /// Returns the array of this name.
    ///
    /// @throws IllegalArgumentException if there is none
    public Npy array(String key) {
        Npy array = arrays.get(key);
        if (array == null) {
            throw new IllegalArgumentException("%s has no array '%s', only %s".formatted(file, key, arrays.keySet()));
        }
        return array;
    }
}
