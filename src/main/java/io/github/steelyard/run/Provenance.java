package io.github.steelyard.run;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Who produced an output, with what, on which machine and when. The only place that asks for the time of day: nothing
/// here ever enters statistics or scales.
///
/// @param toolVersion version of Steelyard
/// @param created time of writing, in UTC
/// @param environment what could matter for the numbers or the speed: JDK, OS, CPU, kernels, threads, …
public record Provenance(String toolVersion, Instant created, Map<String, String> environment) {

    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

    public Provenance {
        environment = Map.copyOf(environment);
    }

    /// Returns the provenance of what is written now.
    ///
    /// @param engine what the engine adds: `kernels`, `gemm`, `threads`, …
    public static Provenance capture(Map<String, String> engine) {
        Map<String, String> environment = new TreeMap<>(engine);
        environment.put("jdk", System.getProperty("java.vendor") + " " + Runtime.version());
        environment.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        environment.put("architecture", System.getProperty("os.arch"));
        environment.put("cpu", cpu());
        environment.put("processors", Integer.toString(Runtime.getRuntime().availableProcessors()));
        return new Provenance(version(), Instant.now(), environment);
    }

    /// Returns the version of Steelyard, `development` outside a built jar.
    public static String version() {
        return Optional.ofNullable(Provenance.class.getPackage().getImplementationVersion())
                .orElse("development");
    }

    private static String cpu() {
        try (Stream<String> lines = Files.lines(CPU_INFO, StandardCharsets.UTF_8)) {
            return lines.filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse("unknown");
        } catch (IOException e) {
            return "unknown";
        }
    }
}
