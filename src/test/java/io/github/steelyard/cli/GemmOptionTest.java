package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.console.ExitCode;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `--gemm` with a matrix product from outside the program.
final class GemmOptionTest {

    @TempDir
    private Path temp;

    @Test
    void productOnTheClassPath_computes() {
        SyntheticInputs inputs = SyntheticInputs.write(temp.resolve("inputs"), "bf16", 1);

        JsonNode toy = evaluate(inputs, "toy");

        assertThat(toy.get("gemm").textValue()).isEqualTo("toy");
        assertThat(toy.get("nll").doubleValue())
                .isCloseTo(evaluate(inputs, "reference").get("nll").doubleValue(), offset(1e-4));
    }

    @Test
    void help_namesWhatIsFound() {
        assertThat(CommandRun.of("calibrate", "--help").expect(ExitCode.OK).out())
                .containsPattern("Matrix product: auto, onednn, onednn-bf16x3,\\s+vector, reference, toy");
    }

    @Test
    void unknownProduct_isRefusedWithWhatThereIs() {
        assertThat(CommandRun.of("demo", "--out", temp.resolve("out"), "--gemm", "mkl")
                        .expect(ExitCode.USAGE)
                        .err())
                .contains(
                        "--gemm: matrix product 'mkl': expected auto, onednn, onednn-bf16x3, vector, reference or toy");
    }

    private static JsonNode evaluate(SyntheticInputs inputs, String gemm) {
        return CommandRun.of(
                        "evaluate",
                        inputs.checkpoint(),
                        "--data",
                        inputs.data(),
                        "--max-sequences",
                        2,
                        "--gemm",
                        gemm,
                        "--json")
                .expect(ExitCode.OK)
                .json();
    }
}
