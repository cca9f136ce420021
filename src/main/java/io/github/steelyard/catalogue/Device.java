package io.github.steelyard.catalogue;

import java.util.Locale;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;

/// The device that an engine runs on, as far as backend selection looks at it.
///
/// @param platform `cuda`, `rocm`, `xpu`, `cpu`, `tpu`, `oot` (out of tree) or `jvm` (our own engine)
/// @param capability CUDA compute capability as an integer, `90` for SM 9.0; empty when unknown or not CUDA
/// @param arch ROCm architecture such as `gfx942`; `unknown` when not given
/// @param libraries optional libraries that are installed, such as `flashinfer`
/// @param cpu `x86`, `arm`, `powerpc` or `unknown`
/// @param os `linux`, `darwin` or `unknown`
/// @param amx whether the CPU has AMX tiles
public record Device(
        String platform,
        OptionalInt capability,
        String arch,
        Set<String> libraries,
        String cpu,
        String os,
        boolean amx) {

    public static final String UNKNOWN = "unknown";

    public Device {
        libraries = Set.copyOf(libraries);
    }

    /// Our own engine.
    public static Device jvm() {
        return new Device("jvm", OptionalInt.empty(), UNKNOWN, Set.of(), UNKNOWN, UNKNOWN, false);
    }

    /// Reads a device's short name: `sm90`, `sm121`, `gfx942`, `cpu`, `xpu`, `tpu`, `oot`.
    ///
    /// @throws IllegalArgumentException if `name` has none of these forms
    public static Device of(String name, Set<String> libraries) {
        if (name.matches("sm[0-9]{2,3}")) {
            int capability = Integer.parseInt(name.substring(2));
            return new Device("cuda", OptionalInt.of(capability), UNKNOWN, libraries, UNKNOWN, UNKNOWN, false);
        }
        if (name.matches("gfx[0-9a-f]{3,4}")) {
            return new Device("rocm", OptionalInt.empty(), name, libraries, UNKNOWN, UNKNOWN, false);
        }
        return switch (name) {
            case "cpu", "xpu", "tpu", "oot", "jvm", "cuda", "rocm" ->
                new Device(name, OptionalInt.empty(), UNKNOWN, libraries, UNKNOWN, UNKNOWN, false);
            default ->
                throw new IllegalArgumentException(
                        "device '%s': expected a name such as sm90, sm100, sm121, gfx942, cpu or xpu".formatted(name));
        };
    }

    /// Names the device for messages: `cuda sm90`, `rocm gfx942`, `cpu`.
    public String label() {
        if (capability.isPresent()) {
            return String.format(Locale.ROOT, "%s sm%d", platform, capability.getAsInt());
        }
        return arch.equals(UNKNOWN) ? platform : platform + " " + arch;
    }

    /// Returns the installed libraries in name order, for messages.
    public Set<String> sortedLibraries() {
        return new TreeSet<>(libraries);
    }
}
