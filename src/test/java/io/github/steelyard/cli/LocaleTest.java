package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.console.ExitCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Languages with other digits, and with other rules for small letters, change no byte of an export.
final class LocaleTest {

    @TempDir
    private Path temp;

    @Test
    void run_inAnyLanguage_writesTheSameNamesAndBytes() throws Exception {
        SyntheticInputs inputs = SyntheticInputs.write(temp.resolve("inputs"), "bf16", 1);
        Map<String, String> expected = exported(inputs, "en", "US");

        assertThat(expected).isNotEmpty();
        assertThat(exported(inputs, "ar", "EG")).isEqualTo(expected);
        assertThat(exported(inputs, "fa", "IR")).isEqualTo(expected);
        assertThat(exported(inputs, "tr", "TR")).isEqualTo(expected);
    }

    private Map<String, String> exported(SyntheticInputs inputs, String language, String country) throws Exception {
        Path out = temp.resolve(language);
        String options = "export JDK_JAVA_OPTIONS='-Duser.language=%s -Duser.country=%s'".formatted(language, country);
        try (ProgramProcess program = ProgramProcess.startAfter(
                options,
                "",
                "run",
                inputs.checkpoint(),
                "--recipe",
                CommandRun.recipe("nvfp4-experts"),
                "--data",
                inputs.data(),
                "--out",
                out)) {
            assertThat(program.exitCode()).as(program.err()).isEqualTo(ExitCode.OK);
        }
        Map<String, String> files = new TreeMap<>();
        try (Stream<Path> all = Files.list(out.resolve("export"))) {
            for (Path file : all.toList()) {
                files.put(file.getFileName().toString(), content(file));
            }
        }
        return files;
    }

    private static String content(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    }
}
