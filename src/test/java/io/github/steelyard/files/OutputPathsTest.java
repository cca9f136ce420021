package io.github.steelyard.files;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class OutputPathsTest {

    private static final Set<String> NAMES = Set.of("run", "export");

    @TempDir
    private Path temp;

    private Path model = Path.of("");

    @BeforeEach
    void makeModel() throws IOException {
        model = Files.createDirectory(temp.resolve("model"));
        Files.createSymbolicLink(temp.resolve("link"), model);
    }

    @Test
    void requireApart_outputThatIsAnInputOrInside_isRefusedAlsoByWayOfALink() {
        for (String output :
                List.of("model", "model/x", "model/x/y", "link", "link/x", "other/../model", "x/../link/y")) {
            refused(output, model);
            refused(output, temp.resolve("link"));
        }
    }

    @Test
    void requireApart_outputThatHoldsAnInput_isRefused() {
        assertThatExceptionOfType(OutputException.class)
                .isThrownBy(() -> OutputPaths.requireApart(temp, List.of(model)))
                .withMessageContaining("holds the input " + model);
    }

    @Test
    void requireApart_outputBesideTheInputs_isFine() {
        for (String output : List.of("models", "out", "out/model", "model2")) {
            assertThatCode(() -> OutputPaths.requireApart(temp.resolve(output), List.of(model)))
                    .doesNotThrowAnyException();
        }
    }

    @Test
    void requireOwn_missingEmptyOrJustBegun_isFine() throws IOException {
        own(temp.resolve("none"));
        own(Files.createDirectory(temp.resolve("empty")));
        Files.createDirectories(temp.resolve("begun/run/state"));
        own(temp.resolve("begun"));
    }

    @Test
    void requireOwn_filesOrNamesOfOthers_areOnlyPassedWithAProof() throws IOException {
        Path file = Files.createDirectories(temp.resolve("file/run"));
        Files.createFile(file.resolve("notes.txt"));
        Files.createDirectories(temp.resolve("folder/src"));
        Files.createDirectory(temp.resolve("linked"));
        Files.createSymbolicLink(temp.resolve("linked/run"), model);
        for (String name : List.of("file", "folder", "linked")) {
            assertThatExceptionOfType(OutputException.class)
                    .isThrownBy(() -> OutputPaths.requireOwn(temp.resolve(name), NAMES, () -> false))
                    .withMessageContaining("steelyard did not make it");
            assertThatCode(() -> OutputPaths.requireOwn(temp.resolve(name), NAMES, () -> true))
                    .doesNotThrowAnyException();
        }
    }

    @Test
    void requireOwn_fileOrDanglingLink_isRefused() throws IOException {
        Files.createFile(temp.resolve("file"));
        Files.createSymbolicLink(temp.resolve("dangling"), temp.resolve("none"));
        for (String name : List.of("file", "dangling")) {
            assertThatExceptionOfType(OutputException.class)
                    .isThrownBy(() -> OutputPaths.requireOwn(temp.resolve(name), NAMES, () -> true))
                    .withMessageEndingWith("exists and is not a directory");
        }
    }

    private static void own(Path directory) {
        assertThatCode(() -> OutputPaths.requireOwn(directory, NAMES, () -> false))
                .doesNotThrowAnyException();
    }

    private void refused(String output, Path input) {
        assertThatExceptionOfType(OutputException.class)
                .as(output)
                .isThrownBy(() -> OutputPaths.requireApart(temp.resolve(output), List.of(input)))
                .withMessageContaining("inputs are never written to");
    }
}
