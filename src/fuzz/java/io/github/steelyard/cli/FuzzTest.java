package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Runs `src/fuzz` for a minute, or for `-Dfuzz.minutes=N`, in a process with a heap of 512 MB.
final class FuzzTest {

    @Test
    void changedInputs_areAnsweredLikeAnyBadInput() throws Exception {
        List<String> command = new ArrayList<>(List.of(
                System.getProperty("java.home") + "/bin/java",
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-DOPT_OUT_TRACKING=true",
                "-XX:+UseSerialGC",
                "-Xmx512m",
                "-XX:TieredStopAtLevel=1", // a minute is too short for the better compiler to pay
                "-cp",
                System.getProperty("java.class.path")));
        System.getProperties().stringPropertyNames().stream()
                .filter(name -> name.startsWith("fuzz."))
                .sorted()
                .forEach(name -> command.add("-D%s=%s".formatted(name, System.getProperty(name))));
        command.add(FuzzMain.class.getName());
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(process.waitFor()).as(said).isZero();
        System.out.println(said);
    }
}
