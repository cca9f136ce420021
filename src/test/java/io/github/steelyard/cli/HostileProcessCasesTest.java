package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Faults found by attack, `cases/hostile`: what happens to the process and to native code. Each command runs in a
/// process of its own.
@EnabledOnOs(OS.LINUX)
final class HostileProcessCasesTest {

    // The tokenizer of the demo knows more ids than the model: this is said of ids that it gave, so it is at work.
    private static final String TOKENISED = "outside the model's vocabulary";

    @TempDir
    private Path temp;

    static Stream<String> tokenizers() throws IOException {
        if (!Shared.isPresent()) {
            return Stream.of("absent");
        }
        Path hostile = Shared.path("cases/hostile");
        try (Stream<Path> kill = Files.list(hostile.resolve("03-tokenizer-kills-jvm/tok"));
                Stream<Path> bomb = Files.list(hostile.resolve("04-tokenizer-bombs/tok"))) {
            return Stream.concat(kill, bomb)
                    .map(file -> hostile.relativize(file).toString())
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    @ParameterizedTest
    @MethodSource("tokenizers")
    void case03And04_tokenizer(String file) throws Exception {
        Path tokenizer = Shared.path("cases/hostile").resolve(file);
        HostileCase made =
                HostileCase.copy(tokenizer.getName(tokenizer.getNameCount() - 3).toString(), temp);
        Files.write(made.path("ck/tokenizer.json"), Files.readAllBytes(tokenizer));
        String data = Files.exists(made.path("text.jsonl")) ? "text.jsonl" : "text2.jsonl";

        try (ProgramProcess program =
                ProgramProcess.startAfter("ulimit -t 20", "", made.calibration("ck", "rec.yaml", data, "o"))) {
            int code = program.exitCode();
            assertThat(code).as(program.err()).isIn(ExitCode.BAD_INPUT, ExitCode.RESOURCE);
            assertThat(program.err()).contains("tokenizer.json").doesNotContain("\tat ");
            HostileCase.assertOneError(program.err());
        }
    }

    @Test
    void case05_tokenizerIdOverflow() {
        HostileCase made = HostileCase.copy("05-tokenizer-id-overflow", temp);

        String err = HostileCase.runBounded(ExitCode.BAD_INPUT, made.calibration("ck", "rec.yaml", "text.jsonl", "o"));
        assertThat(err).contains("4294967295");
        HostileCase.assertOneError(err);
    }

    // A file that is no library stands for a hostile one: it must not be looked at. The directory is the one that the
    // library falls back to when it cannot write into the home.
    @Test
    void case06_djlTmpHijack() throws IOException {
        HostileCase made = HostileCase.copy("03-tokenizer-kills-jvm", temp);
        Files.copy(demoTokenizer(), made.path("ck/tokenizer.json"));
        Path trap = Files.createDirectories(made.path("tmp/.djl.ai/tokenizers/0.21.0-0.38.0-cpu-linux-x86_64"));
        Files.writeString(trap.resolve("libtokenizers.so"), "hostile");

        String err = HostileCase.runAfter(
                "export JAVA_TOOL_OPTIONS='-Djava.io.tmpdir=%s -Duser.home=/nonexistent' HOME=/nonexistent"
                        .formatted(made.path("tmp")),
                ExitCode.BAD_INPUT,
                "evaluate",
                made.path("ck"),
                "--data",
                made.path("text.jsonl"));
        assertThat(err).contains(TOKENISED);
    }

    @Test
    void case07_djlDownloadsOnCuda() throws Exception {
        HostileCase made = HostileCase.copy("07-djl-downloads-on-cuda", temp);
        Path home = Files.createDirectory(made.path("home"));
        int compiled;
        try {
            compiled = new ProcessBuilder(
                            "gcc",
                            "-shared",
                            "-fPIC",
                            "-o",
                            made.path("libcudart.so").toString(),
                            made.path("cudart.c").toString())
                    .start()
                    .waitFor();
        } catch (IOException e) {
            compiled = -1;
        }
        assumeTrue(compiled == 0, "needs a C compiler to make a stand-in for libcudart");
        HostileCase other = HostileCase.copy("03-tokenizer-kills-jvm", temp);
        Files.copy(demoTokenizer(), other.path("ck/tokenizer.json"));

        String err = HostileCase.runAfter(
                "export LD_LIBRARY_PATH=%s HOME=%s XDG_CACHE_HOME=%s JAVA_TOOL_OPTIONS=-Duser.home=%s"
                        .formatted(made.folder(), home, home.resolve("cache"), home),
                ExitCode.BAD_INPUT,
                "evaluate",
                other.path("ck"),
                "--data",
                other.path("text.jsonl"));
        assertThat(err).contains(TOKENISED);
        try (Stream<Path> files = Files.walk(home)) {
            assertThat(files).noneMatch(file -> file.getFileName().toString().matches(".*-cu\\d.*"));
        }
    }

    @Test
    void case08_onednnCache() throws IOException {
        HostileCase made = HostileCase.copy("22-output-lies-in-input", temp);
        String cache = "export XDG_CACHE_HOME=" + Files.createDirectory(made.path("cache"));
        Object[] evaluate = {"evaluate", made.path("ck"), "--data", made.path("ids.jsonl"), "--gemm", "onednn"};
        try (ProgramProcess program = ProgramProcess.startAfter(cache, "", evaluate)) {
            assumeTrue(program.exitCode() == ExitCode.OK, "oneDNN does not run on this machine");
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        Path library;
        try (Stream<Path> files = Files.walk(made.path("cache"))) {
            library = files.filter(file -> file.getFileName().toString().startsWith("libdnnl"))
                    .findFirst()
                    .orElseThrow();
        }
        long size = Files.size(library);
        library.toFile().setWritable(true);
        byte[] cut = new byte[1 << 20];
        Files.write(library, cut, StandardOpenOption.TRUNCATE_EXISTING);

        HostileCase.runAfter(cache, ExitCode.OK, evaluate);
        assertThat(library).hasSize(size);
    }

    @Test
    void case21_launcherCdpath() throws Exception {
        Path home = Files.createDirectories(temp.resolve("home/scripts")).getParent();
        Files.copy(Path.of("scripts/steelyard"), home.resolve("scripts/steelyard"), StandardCopyOption.COPY_ATTRIBUTES);
        Files.createDirectory(home.resolve("target"));
        Path jar = Files.writeString(home.resolve("target/steelyard-0.1.0.jar"), "");
        ProcessBuilder builder = new ProcessBuilder("bash", "scripts/steelyard", "--version").directory(home.toFile());
        builder.environment().put("CDPATH", ".:" + temp);
        builder.environment().put("STEELYARD_JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(process.waitFor()).isNotEqualTo(ExitCode.RESOURCE); // of the JVM: the jar is empty
        assertThat(said).contains(jar.toString());
        assertThat(home.resolve("scripts")).isDirectoryNotContaining("glob:**[!d]");
    }

    @Test
    void case25_stdoutLost() {
        assumeTrue(Files.exists(Path.of("/dev/full")), "needs /dev/full");
        HostileCase made = HostileCase.calibrated(temp);

        String err = HostileCase.runAfter("exec >/dev/full", ExitCode.RESOURCE, "stats", made.path("run"));
        assertThat(err).contains("standard output");
        HostileCase.assertOneError(err);
    }

    private static Path demoTokenizer() {
        return Path.of("src/main/resources/demo/checkpoint/tokenizer.json");
    }
}
