package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/// A writable copy of a folder of `cases/hostile`, and what must hold of every command run on it.
///
/// @param folder the copy
record HostileCase(Path folder) {

    private static final Set<Integer> EXIT_CODES =
            Set.of(ExitCode.OK, ExitCode.GATE, ExitCode.USAGE, ExitCode.BAD_INPUT, ExitCode.RESOURCE);

    /// Copies the folder with this name.
    static HostileCase copy(String id, Path temp) {
        return new HostileCase(copyTree(Shared.path("cases/hostile/" + id), temp.resolve(id)));
    }

    /// Copies the folder and calibrates its checkpoint `ck` of another case into `run`.
    static HostileCase calibrated(Path temp) {
        HostileCase made = copy("22-output-lies-in-input", temp);
        made.calibrate("ck", "rec.yaml", "ids.jsonl", "run").expect(ExitCode.OK);
        return made;
    }

    /// Copies a directory with all that is in it.
    static Path copyTree(Path from, Path to) {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path target = to.resolve(from.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(target);
                } else {
                    Files.write(target, Files.readAllBytes(file));
                }
            }
            return to;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path path(String name) {
        return folder.resolve(name);
    }

    /// Runs `calibrate` with files of the folder.
    CommandRun calibrate(String checkpoint, String recipe, String data, String out, Object... options) {
        return run(calibration(checkpoint, recipe, data, out, options));
    }

    /// Returns the arguments of `calibrate` with files of the folder.
    Object[] calibration(String checkpoint, String recipe, String data, String out, Object... options) {
        List<Object> arguments = new ArrayList<>(List.of(
                "calibrate", path(checkpoint), "--recipe", path(recipe), "--data", path(data), "--out", path(out)));
        arguments.addAll(Arrays.asList(options));
        return arguments.toArray();
    }

    /// Runs a command and looks at what holds for all: one of the exit codes for a user, no trace.
    static CommandRun run(Object... arguments) {
        CommandRun run = CommandRun.of(arguments);
        assertContract(run.code(), run.err());
        return run;
    }

    /// Runs a command in a process of its own that may use 20 seconds of processor time, and looks at the same.
    static String runBounded(int expected, Object... arguments) {
        return runAfter("ulimit -t 20", expected, arguments);
    }

    /// Runs a command in a process of its own after a command of the shell, and looks at the same.
    static String runAfter(String shell, int expected, Object... arguments) {
        try (ProgramProcess program = ProgramProcess.startAfter(shell, "", arguments)) {
            int code = program.exitCode();
            assertContract(code, program.err());
            assertThat(code).as(program.err()).isEqualTo(expected);
            return program.err();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    /// Overwrites the data of a tensor, from its beginning.
    static void poke(Path safetensors, String tensor, byte... data) {
        try {
            byte[] file = Files.readAllBytes(safetensors);
            int begin = 8
                    + headerLength(file)
                    + header(file).get(tensor).get("data_offsets").get(0).intValue();
            System.arraycopy(data, 0, file, begin, data.length);
            Files.write(safetensors, file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Returns the size of a tensor's data.
    static int bytes(Path safetensors, String tensor) {
        try {
            JsonNode offsets =
                    header(Files.readAllBytes(safetensors)).get(tensor).get("data_offsets");
            return offsets.get(1).intValue() - offsets.get(0).intValue();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Looks for one line that says `error:`; warnings may stand before it.
    static void assertOneError(String err) {
        assertThat(err.lines().filter(line -> line.startsWith("error:")))
                .as(err)
                .hasSize(1);
    }

    private static JsonNode header(byte[] file) {
        return Json.parse(new String(file, 8, headerLength(file), StandardCharsets.UTF_8));
    }

    private static int headerLength(byte[] file) {
        return Math.toIntExact(
                ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong());
    }

    private static void assertContract(int code, String err) {
        assertThat(EXIT_CODES).as("exit code; standard error:\n%s", err).contains(code);
        assertThat(err).doesNotContain("\tat ");
    }
}
