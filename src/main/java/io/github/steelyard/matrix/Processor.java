package io.github.steelyard.matrix;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/// What the system says about the processor.
///
/// @param vendor such as `AuthenticAMD`; empty where that is not known
/// @param flags Linux's names of its abilities, such as `avx512f`; empty where they are not known
public record Processor(String vendor, Set<String> flags) {

    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
    private static final int LONGEST = 100; // lines

    public Processor {
        flags = Set.copyOf(flags);
    }

    /// Returns the processor of this machine; one of which nothing is known where the system does not tell.
    public static Processor ofMachine() {
        try (BufferedReader reader = Files.newBufferedReader(CPU_INFO, StandardCharsets.ISO_8859_1)) {
            StringBuilder first = new StringBuilder();
            String line = reader.readLine();
            for (int i = 0; i < LONGEST && line != null && !line.isBlank(); i++) {
                first.append(line).append('\n');
                line = reader.readLine();
            }
            return parse(first.toString());
        } catch (IOException e) {
            return new Processor("", Set.of());
        }
    }

    /// Returns what Linux's `/proc/cpuinfo` says of a processor.
    public static Processor parse(String text) {
        Map<String, String> values = new HashMap<>();
        for (String line : text.split("\n", -1)) {
            int colon = line.indexOf(':');
            if (colon >= 0) {
                values.put(
                        line.substring(0, colon).strip(),
                        line.substring(colon + 1).strip());
            }
        }
        String flags = values.getOrDefault("flags", "");
        return new Processor(values.getOrDefault("vendor_id", ""), Set.of(flags.split(" +", -1)));
    }

    public boolean has(String flag) {
        return flags.contains(flag);
    }

    /// Returns whether it is one of AMD's.
    public boolean isAmd() {
        return vendor.equals("AuthenticAMD");
    }
}
