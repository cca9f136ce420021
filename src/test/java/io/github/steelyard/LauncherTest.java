package io.github.steelyard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Runs a copy of `scripts/steelyard` beside an empty jar, with programs in place of `java` and `mvn` that print their
/// arguments.
final class LauncherTest {

    private static final Path LAUNCHER = Path.of("scripts", "steelyard");

    private @TempDir Path directory;
    private Path home;
    private Path launcher;
    private Path jar;
    private Path jdk;

    /// What a run gave.
    private record Result(int exitCode, List<String> output, String errors) {}

    @BeforeEach
    void installCopy() throws IOException {
        assumeTrue(Files.isExecutable(Path.of("/bin/bash")), "the launcher needs bash");
        home = directory.resolve("home");
        launcher = Files.createDirectories(home.resolve("scripts")).resolve("steelyard");
        Files.copy(LAUNCHER, launcher);
        jar = Files.createDirectories(home.resolve("target")).resolve("steelyard-0.1.0.jar");
        Files.writeString(jar, "");
        jdk = fakeJdk("jdk-25", "25.0.3");
    }

    @Test
    void jarName_isTheOneThatThePomBuilds() throws IOException {
        assertThat(Files.readString(Path.of("pom.xml")))
                .contains("<artifactId>steelyard</artifactId>\n  <version>0.1.0</version>");
        assertThat(Files.readString(LAUNCHER)).contains("/target/steelyard-0.1.0.jar");
    }

    @Test
    void arguments_reachTheProgramAsTheyAre() throws Exception {
        Result result = launch(Map.of(), "inspect", "a dir", "--json", "");

        assertThat(result.exitCode()).isZero();
        assertThat(result.output())
                .contains("--enable-native-access=ALL-UNNAMED", "jdk.incubator.vector")
                .endsWith("-jar", jar.toString(), "inspect", "a dir", "--json", "");
    }

    @Test
    void exitCode_isTheProgramsOwn() throws Exception {
        assertThat(launch(Map.of("FAKE_EXIT", "3")).exitCode()).isEqualTo(3);
    }

    @Test
    void symbolicLinks_leadToTheProject() throws Exception {
        Path link = Files.createSymbolicLink(directory.resolve("one"), Path.of("home", "scripts", "steelyard"));
        Path linkToLink = Files.createSymbolicLink(directory.resolve("two"), link);

        assertThat(run(linkToLink, Map.of("STEELYARD_JAVA_HOME", jdk.toString()))
                        .output())
                .contains(jar.toString());
    }

    @ParameterizedTest
    @CsvSource({
        "8G, -Xmx8000m",
        "8GiB, -Xmx8000m",
        "8gb, -Xmx8000m",
        "1t, -Xmx1048384m",
        "1000M, -Xmx808m",
        "512m, -Xmx320m",
        "1073741824, -Xmx832m",
        "1.5G, -Xmx1344m",
        "0.5t, -Xmx524096m",
        "300M, -Xmx108m",
        "100M, -Xmx64m",
        "1, -Xmx64m",
        "9999999999t, -XX:MaxRAMPercentage=50",
        "lots, -XX:MaxRAMPercentage=50",
        "-1, -XX:MaxRAMPercentage=50"
    })
    void memory_setsTheHeap(String size, String option) throws Exception {
        assertThat(launch(Map.of(), "calibrate", "--memory", size).output()).contains(option);
        assertThat(launch(Map.of(), "calibrate", "--memory=" + size).output()).contains(option);
    }

    @Test
    void memory_absent_takesHalfOfTheMachine() throws Exception {
        assertThat(launch(Map.of(), "inspect").output()).contains("-XX:MaxRAMPercentage=50");
    }

    @Test
    void furtherJars_followTheProgramsOwn() throws Exception {
        assertThat(launch(Map.of("STEELYARD_CLASS_PATH", "/a/one.jar:two.jar"), "inspect", "x")
                        .output())
                .endsWith("-cp", jar + ":/a/one.jar:two.jar", "io.github.steelyard.cli.Main", "inspect", "x")
                .doesNotContain("-jar");
        assertThat(Files.readString(Path.of("pom.xml")))
                .contains("<mainClass>io.github.steelyard.cli.Main</mainClass>");
    }

    @Test
    void furtherFamilies_areAProperty() throws Exception {
        assertThat(launch(Map.of("STEELYARD_MODELS", "/my models"), "inspect", "x")
                        .output())
                .contains("-Dsteelyard.models=/my models");
    }

    @Test
    void furtherOptions_comeLast() throws Exception {
        Result result = launch(Map.of("STEELYARD_JAVA_OPTS", "-Xmx1g -Dx=y"), "inspect");

        assertThat(result.output()).containsSubsequence("-XX:MaxRAMPercentage=50", "-Xmx1g", "-Dx=y", "-jar");
    }

    @Test
    void javaHome_tooOld_isPassedOver() throws Exception {
        Path old = fakeJdk("jdk-17", "17.0.15");
        Result result =
                run(launcher, Map.of("JAVA_HOME", old.toString(), "PATH", jdk + "/bin:/usr/bin:/bin"), "inspect");

        assertThat(result.output()).contains("java of jdk-25");
    }

    @Test
    void steelyardJavaHome_tooOld_isRefused() throws Exception {
        Path old = fakeJdk("jdk-17", "17.0.15");
        Result result = run(launcher, Map.of("STEELYARD_JAVA_HOME", old.toString()), "inspect");

        assertThat(result.exitCode()).isEqualTo(4);
        assertThat(result.output()).isEmpty();
        assertThat(result.errors())
                .isEqualTo("steelyard: STEELYARD_JAVA_HOME: expected a JDK 25 or later, found '17' in " + old + "\n");
    }

    @Test
    void vectorModule_absent_isNotAsked() throws Exception {
        Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25\"\nMODULES=\"java.base\"\n");

        assertThat(launch(Map.of(), "inspect").output())
                .contains("java of jdk-25")
                .doesNotContain("jdk.incubator.vector");
    }

    @Test
    void sources_newerThanTheJar_areBuiltOnce() throws Exception {
        Path source = Files.createDirectories(home.resolve("src/main")).resolve("A.java");
        Files.writeString(source, "");
        Files.writeString(home.resolve("pom.xml"), "");
        Files.setLastModifiedTime(jar, FileTime.fromMillis(0));
        Path tools = Files.createDirectories(directory.resolve("tools"));
        script(tools.resolve("mvn"), "echo built >>'" + directory.resolve("builds") + "'; touch '" + jar + "'");
        Map<String, String> environment =
                Map.of("STEELYARD_JAVA_HOME", jdk.toString(), "PATH", tools + ":/usr/bin:/bin");

        Process other = start(launcher, environment, "inspect");
        Result result = run(launcher, environment, "inspect");
        assertThat(other.waitFor()).isZero();
        Result again = run(launcher, environment, "inspect");

        assertThat(result.exitCode()).isZero();
        assertThat(Files.readAllLines(directory.resolve("builds"))).containsExactly("built");
        assertThat(again.errors()).isEmpty();
    }

    @Test
    void build_failing_saysHowToSeeMore() throws Exception {
        Files.delete(jar);
        Path tools = Files.createDirectories(directory.resolve("tools"));
        script(tools.resolve("mvn"), "echo no network; exit 1");
        Result result = run(
                launcher, Map.of("STEELYARD_JAVA_HOME", jdk.toString(), "PATH", tools + ":/usr/bin:/bin"), "inspect");

        assertThat(result.exitCode()).isEqualTo(4);
        assertThat(result.output()).isEmpty();
        assertThat(result.errors())
                .contains("no network\n")
                .endsWith("steelyard: the build failed; 'cd " + home + " && mvn package' shows more\n");
    }

    @Test
    void build_output_hasNoTerminalCodes() throws Exception {
        Files.delete(jar);
        Path tools = Files.createDirectories(directory.resolve("tools"));
        script(tools.resolve("mvn"), "printf '\\e[0m\\e[0m\\e[31mwrong\\e[0m\\n'; exit 1");
        Result result = run(
                launcher, Map.of("STEELYARD_JAVA_HOME", jdk.toString(), "PATH", tools + ":/usr/bin:/bin"), "inspect");

        assertThat(result.errors()).contains("\nwrong\n").doesNotContain("\u001b");
    }

    @Test
    void target_thatCannotBeWritten_isOneLineWithoutAJarAndANoteWithOne() throws Exception {
        Files.writeString(Files.createDirectories(home.resolve("src/main")).resolve("A.java"), "");
        Files.writeString(home.resolve("pom.xml"), "");
        Files.setLastModifiedTime(jar, FileTime.fromMillis(0));
        Files.createDirectory(home.resolve("target/.launcher-lock")); // for root, to whom permissions are nothing
        Result older = launch(Map.of(), "inspect");
        Files.delete(jar);
        Result none = launch(Map.of(), "inspect");

        assertThat(older.exitCode()).isZero();
        assertThat(older.errors())
                .isEqualTo("steelyard: note: %s is older than its sources, and %s cannot be written\n"
                        .formatted(jar, jar.getParent()));
        assertThat(none.exitCode()).isEqualTo(4);
        assertThat(none.errors())
                .isEqualTo("steelyard: %s is missing, and %s cannot be written to build it in\n"
                        .formatted(jar, jar.getParent()));
    }

    @Test
    void searchPathOfCd_isNotFollowed() throws Exception {
        Path elsewhere = Files.createDirectories(directory.resolve("elsewhere/home/scripts/.."));
        Result result = run(
                Path.of("home", "scripts", "steelyard"),
                Map.of("STEELYARD_JAVA_HOME", jdk.toString(), "CDPATH", elsewhere.getParent() + ":."),
                "inspect");

        assertThat(result.output()).contains(jar.toRealPath().toString());
    }

    // node: MemTotal in kB and the node's processors, none for memory of a device
    @ParameterizedTest
    @CsvSource({
        "'', false",
        "1000:0-7, false",
        "1000:0-7 2000:8-15, true",
        "1000:0-7 0:8-15, false",
        "1000:0-7 0:8-15 3000:16-23, true",
        "1000:0-7 2000:8-15 9000:, false"
    })
    void memoryInSeveralNodes_isSpreadOverThem(String nodes, boolean spread) throws Exception {
        Path system = Files.createDirectories(directory.resolve("nodes"));
        Files.writeString(system.resolve("online"), "0-9");
        int index = 0;
        for (String node : nodes.isEmpty() ? new String[0] : nodes.split(" ")) {
            String[] parts = node.split(":", -1);
            Path path = Files.createDirectories(system.resolve("node" + index));
            Files.writeString(path.resolve("meminfo"), "Node %d MemTotal:       %s kB\n".formatted(index, parts[0]));
            Files.writeString(path.resolve("cpulist"), parts[1] + "\n");
            index++;
        }

        List<String> output = launch(Map.of("STEELYARD_NODES", system.toString(), "STEELYARD_JAVA_OPTS", "-Dlast"))
                .output();

        assertThat(output.contains("-XX:+UseNUMA")).isEqualTo(spread);
        if (spread) {
            assertThat(output).containsSubsequence("-XX:+UseNUMA", "-Dlast");
        }
    }

    @Test
    void forbiddenSpreadingOfMemory_isNotReported() throws Exception {
        assertThat(launch(Map.of("FAKE_RUN", "echo 'mbind: Operation not permitted' >&2; echo else >&2"), "inspect")
                        .errors())
                .isEqualTo("else\n");
    }

    @Test
    void incubatorLine_isLeftOutAndNothingElse() throws Exception {
        Result result = launch(Map.of("FAKE_RUN", """
                        echo 'WARNING: Using incubator modules: jdk.incubator.vector' >&2
                        echo 'another line' >&2; printf 'no end' >&2"""), "inspect");

        assertThat(result.output()).contains("-Dsteelyard.stderr=3");
        assertThat(result.errors()).isEqualTo("another line\nno end\n");
    }

    @Test
    void standardError_itself_isTheThirdDescriptor() throws Exception {
        assertThat(launch(Map.of("FAKE_RUN", "printf direct >&3"), "inspect").errors())
                .isEqualTo("direct");
    }

    @ParameterizedTest
    @CsvSource({"C, C.UTF-8", "POSIX, C.UTF-8", "de_DE, C.UTF-8", "fa_IR.UTF-8, fa_IR.UTF-8", "en_US.utf8, en_US.utf8"})
    void locale_withoutUtf8_isReplaced(String locale, String expected) throws Exception {
        assertThat(launch(Map.of("LC_ALL", locale, "FAKE_RUN", "echo locale $LC_ALL"), "inspect")
                        .output())
                .contains("locale " + expected);
    }

    private Result launch(Map<String, String> environment, String... arguments) throws Exception {
        Map<String, String> all = new HashMap<>(environment);
        all.put("STEELYARD_JAVA_HOME", jdk.toString());
        return run(launcher, all, arguments);
    }

    private Result run(Path command, Map<String, String> environment, String... arguments) throws Exception {
        Process process = start(command, environment, arguments);
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        String errors = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        return new Result(process.exitValue(), output.lines().toList(), errors);
    }

    // What filters the errors may end after the launcher, and the JDK reads no more of a process that has ended.
    private Process start(Path command, Map<String, String> environment, String... arguments) throws IOException {
        List<String> line = new ArrayList<>(List.of(
                "/bin/bash",
                "-o",
                "pipefail",
                "-c",
                "{ /bin/bash \"$0\" \"$@\" 2>&1 >&3 3>&- | cat >&2; } 3>&1",
                command.toString()));
        line.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(line).directory(directory.toFile());
        builder.environment().keySet().removeIf(name -> name.startsWith("STEELYARD_") || name.equals("JAVA_HOME"));
        builder.environment().putAll(environment);
        return builder.start();
    }

    private Path fakeJdk(String name, String version) throws IOException {
        Path fake = directory.resolve(name);
        Files.createDirectories(fake.resolve("bin"));
        Files.writeString(
                fake.resolve("release"),
                "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"%s\"\nMODULES=\"java.base jdk.incubator.vector\"\n"
                        .formatted(version));
        script(
                fake.resolve("bin/java"),
                "echo java of " + name + "; printf '%s\\n' \"$@\"; eval \"${FAKE_RUN:-}\"; exit \"${FAKE_EXIT:-0}\"");
        return fake;
    }

    private static void script(Path file, String body) throws IOException {
        Files.writeString(file, "#!/bin/bash\n" + body + "\n");
        assertThat(file.toFile().setExecutable(true)).isTrue();
    }
}
