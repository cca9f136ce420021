package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.console.Console;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.Npy;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What scripts may rely on: forms, keys, streams and exit codes.
final class CommandContractTest {

    private static final List<String> COMMANDS =
            List.copyOf(Main.commandLine(Console.system()).getSubcommands().keySet());

    @TempDir
    private Path temp;

    static List<String> commands() {
        return COMMANDS;
    }

    @Test
    void help_isTheDocumentedText() throws IOException {
        CommandRun help = CommandRun.of("--help").expect(ExitCode.OK);

        assertThat(help.out()).isEqualTo(Files.readString(Path.of("src/test/resources/cli/help.txt")));
        assertThat(help.err()).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("commands")
    void help_ofEveryCommand_goesToStandardOutput(String command) {
        CommandRun help = CommandRun.of(command, "--help").expect(ExitCode.OK);

        assertThat(help.out()).startsWith("Usage: steelyard " + command).contains("--help");
        assertThat(help.err()).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("commands")
    void unknownOption_ofEveryCommand_isWrongUsage(String command) {
        CommandRun run = CommandRun.of(command, "--no-such-option").expect(ExitCode.USAGE);

        assertThat(run.out()).isEmpty();
        assertThat(run.err()).startsWith("error: ").doesNotContain("\tat ");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''                                                       | Missing required subcommand",
                "no-such-command                                          | no-such-command",
                "verify DIR --no-such-option                              | Unknown option: '--no-such-option'",
                "calibrate DIR --out RUN                                  | --recipe=NAME",
                "calibrate DIR --recipe R --out RUN --threads 0           | expected a number from 1 to 1024, found '0'",
                "calibrate DIR --recipe R --out RUN --max-sequences x     | expected a number of at least 1, found 'x'",
                "calibrate DIR --recipe R --out RUN --experts some        | --experts",
                "evaluate DIR --data F --fake-quant --run RUN             | exclude each other",
                "evaluate DIR --data F --sharing layer                    | have no effect without --run",
                "evaluate DIR --data F --set export.sharing=layer         | have no effect without --run",
                "plan DIR --set export.sharing=layer                      | no effect without --recipe",
                "export RUN --out DIR --recipe-path DIR                   | --recipe-path: no effect without --recipe",
                "calibrate DIR --recipe R --out RUN --set nothing         | expected KEY=VALUE with a key such as",
                "synthesize bench-a --out DIR                             | --seed=N",
                "synthesize no-such-preset --seed 1 --out DIR             | no preset 'no-such-preset'",
            })
    void wrongUsage_saysWhat(String arguments, String message) {
        Object[] words = arguments.isEmpty() ? new Object[0] : (Object[]) arguments.split(" +");
        CommandRun run = CommandRun.of(words).expect(ExitCode.USAGE);

        assertThat(run.out()).isEmpty();
        assertThat(run.err()).contains(message).doesNotContain("\tat ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "inspect MISSING",
                "calibrate MISSING --recipe configs/recipes/nvfp4-experts.yaml --data MISSING --out OUT",
                "calibrate BF16 --recipe MISSING --data CALIB --out OUT",
                "calibrate BF16 --recipe configs/recipes/nvfp4-experts.yaml --data MISSING --out OUT",
                "run MISSING --recipe configs/recipes/nvfp4-experts.yaml --data MISSING --out OUT",
                "stats MISSING",
                "export MISSING --out OUT",
                "verify MISSING",
                "evaluate MISSING --data CALIB",
                "evaluate BF16 --data MISSING",
                "synthesize MISSING.json --seed 1 --out OUT",
            })
    void missingInput_isNamed(String command) {
        String missing = temp.resolve("missing").toString();
        String words = command.replace("MISSING", missing)
                .replace("BF16", CommandRun.model("bf16").toString())
                .replace("CALIB", CommandRun.calibrationText().toString())
                .replace("OUT", temp.resolve("out").toString());
        CommandRun run = CommandRun.of((Object[]) words.split(" ")).expect(ExitCode.BAD_INPUT);

        assertThat(run.out()).isEmpty();
        assertThat(run.err()).contains("error: ", missing).doesNotContain("\tat ");
    }

    @Test
    void fault_withVerbose_showsWhere() {
        CommandRun run =
                CommandRun.of("stats", temp.resolve("missing"), "--verbose").expect(ExitCode.BAD_INPUT);

        assertThat(run.err()).contains("error: ", "\tat io.github.steelyard");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            fused              | kernel does not support a visible w2 input: it is hidden
            triton             | moe_backend='triton' is not supported for our own MoE. Expected one of ['fused', 'decomposed',
            batched_decomposed | backend BATCHED_DECOMPOSED computes rows that an exchange between ranks delivers
            """)
    void backendThatWillNotDo_isRefusedWithReasonAndSource(String name, String reason) {
        CommandRun run = CommandRun.calibrate(
                        temp.resolve("run"), CommandRun.recipe("nvfp4-experts"), "--moe-backend", name)
                .expect(ExitCode.USAGE);

        assertThat(run.err()).contains(reason).contains("[requested by --moe-backend]");
        assertThat(temp.resolve("run")).doesNotExist();
    }

    @Test
    void backendOfTheRecipe_isRefusedInTheSameWords_andTheOptionGoesBeforeIt() {
        String recipe = CommandRun.alteredRecipe(
                temp.resolve("r.yaml"), "nvfp4-experts", "calibration:", "calibration:\n  moe_backend: fused");

        CommandRun refused = CommandRun.calibrate(temp.resolve("run"), recipe).expect(ExitCode.USAGE);
        assertThat(refused.err())
                .contains("Our MoE backend 'FUSED' does not support", "[requested by recipe " + recipe)
                .contains("calibration.moe_backend]");
        CommandRun.calibrate(temp.resolve("run"), recipe, "--moe-backend", "decomposed")
                .expect(ExitCode.OK);
    }

    @Test
    void memory_tooLittle_isRefusedBeforeAnythingIsBegun() {
        CommandRun run = CommandRun.calibrate(temp.resolve("run"), CommandRun.recipe("nvfp4-experts"), "--memory", "1M")
                .expect(ExitCode.RESOURCE);

        assertThat(run.err()).contains("this needs at least --memory ");
        assertThat(temp.resolve("run/state")).doesNotExist();
    }

    @Test
    void memory_tooLittleForAnEvaluation_isRefused() {
        CommandRun run = CommandRun.of(
                        "evaluate",
                        CommandRun.model("bf16"),
                        "--data",
                        CommandRun.calibrationText(),
                        "--memory",
                        "200M")
                .expect(ExitCode.RESOURCE);

        assertThat(run.err()).contains("this needs at least --memory ");
    }

    @Test
    void calibrateAndStats_json_haveTheKeys() {
        Path run = temp.resolve("run");
        CommandRun calibrated = CommandRun.calibrate(
                        run, CommandRun.recipe("nvfp4-experts"), "--experts", "all", "--threads", "2", "--json")
                .expect(ExitCode.OK);

        assertThat(calibrated.json().get("status").textValue()).isEqualTo("complete");
        assertThat(calibrated.json().get("tokens").longValue()).isEqualTo(1024);
        assertThat(calibrated.json().get("starved")).isEmpty();
        assertThat(calibrated.err()).contains("calibrate: layer 4 of 4");

        CommandRun stats = CommandRun.of("stats", run, "--json").expect(ExitCode.OK);
        JsonNode sites = stats.json().get("sites");
        JsonNode down = site(sites, "model.layers.0.mlp.experts.3.down_proj.input_quantizer");
        assertThat(down.get("amax").isNumber()).isTrue();
        assertThat(down.get("amax_all_tokens").doubleValue())
                .isGreaterThanOrEqualTo(down.get("amax").doubleValue());
        assertThat(down.get("tokens").longValue()).isBetween(72L, 184L);
        assertThat(down.get("provenance").textValue()).isEqualTo("measured");
        assertThat(site(sites, "model.layers.0.self_attn.k_bmm_quantizer")
                        .get("amax_all_tokens")
                        .isNull())
                .isTrue();
        site(sites, "model.layers.3.self_attn.v_bmm_quantizer");
        site(sites, "model.layers.3.mlp.experts.15.gate_proj.weight_quantizer");
    }

    @Test
    void evaluate_json_haveTheReferencesLikelihoodAndLogits() throws IOException {
        Path logits = temp.resolve("logits.safetensors");
        JsonNode json = CommandRun.of(
                        "evaluate",
                        CommandRun.model("bf16"),
                        "--data",
                        CommandRun.calibrationText(),
                        "--logits",
                        logits,
                        "--json")
                .expect(ExitCode.OK)
                .json();

        assertThat(json.get("nll").doubleValue()).isCloseTo(3.549391, within(2e-6));
        assertThat(json.get("perplexity").doubleValue())
                .isEqualTo(Math.exp(json.get("nll").doubleValue()));
        assertThat(json.get("predictions").longValue()).isEqualTo(8 * 127);
        assertThat(json.get("nll_per_sequence")).hasSize(8);
        Npy reference =
                Npy.parse("logits", Files.readAllBytes(Shared.path("models/refs/tiny-qwen3-moe-bf16.logits.seq0.npy")));
        Files.createDirectory(temp.resolve("read"));
        Files.move(logits, temp.resolve("read/model.safetensors"));
        Files.writeString(temp.resolve("read/config.json"), "{}");
        try (Checkpoint file = Checkpoint.open(temp.resolve("read"))) {
            assertThat(file.tensors()).hasSize(8).containsKeys("logits.0", "logits.7");
            TensorInfo first = file.tensor("logits.0");
            assertThat(first.shape()).isEqualTo(Shape.of(128, 1040));
            float[] found = file.bytes(first).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
            float[] wanted = reference.floats();
            assertThat(found).hasSameSizeAs(wanted);
            for (int i = 0; i < wanted.length; i++) {
                assertThat(found[i]).as("logit %d", i).isCloseTo(wanted[i], within(2e-4f));
            }
        }
    }

    @Test
    void verify_damagedExport_failsTheGateAndNamesTheTensor() throws IOException {
        Path directory = temp.resolve("copy");
        Files.createDirectory(directory);
        for (String file : List.of("config.json", "hf_quant_config.json", "model.safetensors")) {
            Files.copy(CommandRun.model("nvfp4").resolve(file), directory.resolve(file));
        }
        assertThat(CommandRun.of("verify", directory, "--json")
                        .expect(ExitCode.OK)
                        .json())
                .isNotEmpty();

        String tensor = "model.layers.1.mlp.experts.2.down_proj.input_scale";
        zero(directory.resolve("model.safetensors"), tensor);
        CommandRun damaged = CommandRun.of("verify", directory).expect(ExitCode.GATE);

        assertThat(damaged.out())
                .contains("error: ")
                .contains("tensor '%s': wanted finite and positive scales".formatted(tensor));
        assertThat(CommandRun.of("verify", directory, "--json")
                        .expect(ExitCode.GATE)
                        .envelope()
                        .get("findings")
                        .toString())
                .contains(tensor);
    }

    @Test
    void existingOutput_isNeverOverwritten() throws IOException {
        Path mine = Files.createDirectory(temp.resolve("mine"));
        Files.writeString(mine.resolve("letter.txt"), "Dear");
        CommandRun run = CommandRun.of("synthesize", "bench-a", "--layers", 1, "--seed", 1, "--out", mine)
                .expect(ExitCode.USAGE);

        assertThat(run.err()).contains("%s: exists and is not empty".formatted(mine));
        try (var files = Files.list(mine)) {
            assertThat(files).containsExactly(mine.resolve("letter.txt"));
        }
    }

    private static JsonNode site(JsonNode sites, String name) {
        return StreamSupport.stream(sites.spliterator(), false)
                .filter(site -> site.get("site").textValue().equals(name))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no site " + name));
    }

    private static void zero(Path file, String tensor) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        long header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
        JsonNode json = Json.parse(new String(bytes, 8, (int) header, StandardCharsets.UTF_8));
        List<Integer> offsets = new ArrayList<>();
        json.get(tensor).get("data_offsets").forEach(offset -> offsets.add(offset.intValue()));
        for (int i = offsets.getFirst(); i < offsets.getLast(); i++) {
            bytes[(int) header + 8 + i] = 0;
        }
        Files.write(file, bytes);
    }
}
