package io.github.steelyard.onednn;

import io.github.steelyard.natives.NativeException;
import io.github.steelyard.natives.NativeFile;
import io.github.steelyard.natives.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.util.List;
import java.util.Locale;

/// Loads oneDNN's shared library, which is on the class path.
final class OneDnnLibrary {

    /// The version on the class path.
    static final String VERSION = "3.11-1.5.13";

    private static final String MAIN = "libdnnl.so.3";
    private static final String RESOURCES = "/org/bytedeco/dnnl/linux-x86_64/";

    // The main library looks for its threading runtime beside itself.
    private static final List<NativeFile> FILES = List.of(
            new NativeFile(
                    RESOURCES + "libgomp.so.1", "115302e45583ad3e8df681c0a5af4c8273b7399f764965280d70d8780e5ee454"),
            new NativeFile(RESOURCES + MAIN, "a8948803c5718bac623b664be77fb47e24328e8693997e96e02c4308b0ee826f"));

    /// The library cannot be used; the message tells why, in one line.
    static final class UnavailableException extends Exception {

        private static final long serialVersionUID = 1L;

        UnavailableException(String message) {
            super(message);
        }

        UnavailableException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private OneDnnLibrary() {}

    /// Returns the symbols of the library, loaded until the JVM ends.
    static SymbolLookup load() throws UnavailableException {
        String os = System.getProperty("os.name", "");
        String arch = System.getProperty("os.arch", "");
        if (!os.toLowerCase(Locale.ROOT).equals("linux") || !arch.equals("amd64")) {
            throw new UnavailableException("only built for linux amd64, this is %s %s".formatted(os, arch));
        }
        try (NativeLibrary library = NativeLibrary.unpack("onednn-" + VERSION, FILES)) {
            return SymbolLookup.libraryLookup(library.file(MAIN), Arena.global());
        } catch (NativeException | IllegalArgumentException e) {
            throw new UnavailableException("cannot be unpacked or loaded: " + e.getMessage(), e);
        } catch (IllegalCallerException e) {
            throw new UnavailableException("native access is denied to this JVM", e);
        }
    }
}
