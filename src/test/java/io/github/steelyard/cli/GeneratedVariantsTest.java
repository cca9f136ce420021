package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.console.ExitCode;
import io.github.steelyard.testing.GeneratedCheckpoint;
import io.github.steelyard.testing.TokenIds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Quantised variants of the families of `golden/families`: synthesised in their shape, looked through, run, and asked
/// for
/// their backends.
final class GeneratedVariantsTest {

    @TempDir
    private Path temp;

    private static Stream<Arguments> variants() {
        return Stream.concat(
                GeneratedCheckpoint.names().stream()
                        .filter(name -> !name.contains("-"))
                        .map(name -> Arguments.of(name, "mixed")),
                Stream.of(Arguments.of("minimax_m2", "fp8_block"), Arguments.of("deepseek_v32", "fp8_block")));
    }

    @ParameterizedTest
    @MethodSource("variants")
    void quantisedVariant_isReadRunAndServed(String name, String format) throws IOException {
        Path model = temp.resolve("model");
        Path data = TokenIds.write(temp.resolve("ids.jsonl"), 64, 40, 7);

        CommandRun.of("synthesize", GeneratedCheckpoint.config(name), "--format", format, "--seed", 3, "--out", model)
                .expect(ExitCode.OK);

        CommandRun inspected = CommandRun.of("inspect", model, "--check").expect(ExitCode.OK);
        assertThat(inspected.out()).contains("0 unknown, 0 missing");
        CommandRun.of("evaluate", model, "--data", data).expect(ExitCode.OK);
        CommandRun planned = CommandRun.of("plan", model, "--recipe", "nvfp4-experts", "--device", "sm100")
                .expect(ExitCode.OK);
        assertThat(planned.out()).contains("input scales:");
    }
}
