package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.console.ExitCode;
import io.github.steelyard.option.Arguments;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.Model.OptionSpec;

/// Every option of every command that takes a value, with values that nobody means: a refusal on one line, never a
/// fault of the program.
final class HostileOptionsTest {

    private static final List<String> NO_NUMBERS = List.of("NaN", "inf", "", "99999999999999999999x");
    private static final List<String> NUMBERS = List.of("-1", "0", "4.9e-324", "2147483647", "99999999999999999999");
    private static final List<String> TEXTS = List.of("", "\u001b[31m\u202e\n", "a\0b");
    private static final Set<String> TEXT_TYPES =
            Set.of("String", "Path", "Map", "List", "Experts", "Format", "Sharing");

    private static Path model;

    @TempDir
    private static Path shared;

    @TempDir
    private Path temp;

    /// An option of a command.
    record Given(String command, OptionSpec option) {
        @Override
        public String toString() {
            return command + " " + option.longestName();
        }

        boolean isNumber() {
            return !TEXT_TYPES.contains(option.type().getSimpleName());
        }
    }

    static Stream<Given> options() {
        return HelpTextTest.commands().stream()
                .filter(command -> command.getSubcommands().isEmpty())
                .flatMap(command -> command.getCommandSpec().options().stream()
                        .filter(option -> option.arity().max() > 0)
                        .map(option -> new Given(Arguments.name(command.getCommandSpec()), option)));
    }

    @ParameterizedTest
    @MethodSource("options")
    void hostileValue_isRefusedOrHarmless(Given given) {
        for (String value : given.isNumber() ? NUMBERS : TEXTS) {
            CommandRun run = run(given, value);

            assertThat(run.code()).as("%s '%s': %s", given, value, run.err()).isIn(0, 1, 2, 3, 4);
            if (run.code() != ExitCode.OK && run.code() != ExitCode.GATE) {
                assertThat(run.err().lines().filter(line -> line.startsWith("error: ")))
                        .as(run.err())
                        .hasSize(1);
            }
            assertThat((run.out() + run.err()).chars())
                    .allMatch(c -> c == '\n' || (c >= ' ' && c != 0x7f && c != 0x202e));
        }
    }

    @ParameterizedTest
    @MethodSource("options")
    void whatIsNoNumber_isWrongUsage(Given given) {
        List<String> values = given.isNumber() ? NO_NUMBERS : List.of();
        for (String value : values) {
            run(given, value).expect(ExitCode.USAGE);
        }
        assertThat(given.option().arity().max()).isPositive();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "calibrate --threads 2147483647",
                "calibrate --sequence-length 2147483647",
                "evaluate --sequence-length 1048577",
                "plan --gflops -1",
                "plan --gflops 1e308",
                "plan --tp 2147483647",
                "plan --dp 0",
                "bench --rounds 0",
                "bench --sequences -1",
                "bench --sequence-length 0",
                "bench --sequences 2147483647",
                "synthesize --sequences 2147483647",
                "backends select --hidden 2147483647",
                "backends select --experts -1",
                "backends select --swiglu-limit -1",
            })
    void numberOutsideItsRange_isWrongUsage(String words) {
        int option = words.indexOf(" --");
        List<Object> all = arguments(words.substring(0, option), words.substring(option));
        all.addAll(List.of((Object[]) words.substring(option + 1).split(" ")));

        assertThat(CommandRun.of(all.toArray()).expect(ExitCode.USAGE).err()).startsWith("error: ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "synthesize CONFIG --seed 1 --out OUT --format NVFP4",
                "synthesize CONFIG --seed 1 --out OUT --format Fp8_Block",
                "evaluate MODEL --data DATA --gemm Reference --kernels REFERENCE",
                "calibrate MODEL --data DATA --recipe configs/recipes/fp8_kv-fp8.yaml --out OUT --experts ALL",
                "run MODEL --data DATA --recipe configs/recipes/fp8_kv-fp8.yaml --out OUT --format SCALES",
                "backends select --format NVFP4 --device SM100 --activation SiLU --dtype BF16 --logits FP32",
                "backends select --format Fp8 --device Sm90 --moe-backend TRITON --libraries FlashInfer",
            })
    void names_inAnyCase_areUnderstood(String command) {
        Object[] words = Stream.of(command.split(" "))
                .map(word -> switch (word) {
                    case "CONFIG" -> "src/test/resources/cli/small-moe.json";
                    case "MODEL" -> model().toString();
                    case "DATA" -> model().resolve("tokens.jsonl").toString();
                    case "OUT" -> temp.resolve("out").toString();
                    default -> word;
                })
                .toArray();

        CommandRun.of(words).expect(ExitCode.OK);
    }

    @Test
    void atFile_isAName() {
        CommandRun run = CommandRun.of("inspect", "@pom.xml").expect(ExitCode.BAD_INPUT);

        assertThat(run.err()).startsWith("error: @pom.xml: ");
    }

    /// Files and directories may be written; they belong under the test's own.
    private String place(OptionSpec option, String value) {
        return option.type() == Path.class && !value.isEmpty() ? temp + "/" + value : value;
    }

    private CommandRun run(Given given, String value) {
        String name = given.option().longestName();
        List<Object> words = arguments(given.command(), name);
        words.add(name + "=" + place(given.option(), value));
        return CommandRun.of(words.toArray());
    }

    /// Returns a command that does little, without the option that is going to be added.
    private List<Object> arguments(String command, String option) {
        Object[] words = Map.<String, Object[]>ofEntries(
                        Map.entry("demo", new Object[] {"--out", temp.resolve("demo"), "--gemm", "none"}),
                        Map.entry("inspect", new Object[] {model()}),
                        Map.entry(
                                "run",
                                new Object[] {model(), "--recipe", recipe(), "--data", data(), "--out", "pom.xml/x"}),
                        Map.entry(
                                "calibrate",
                                new Object[] {model(), "--recipe", recipe(), "--data", data(), "--out", "pom.xml/x"}),
                        Map.entry("merge", new Object[] {temp, "--out", temp.resolve("merged")}),
                        Map.entry("stats", new Object[] {temp}),
                        Map.entry("export", new Object[] {temp, "--out", temp.resolve("export")}),
                        Map.entry(
                                "convert", new Object[] {temp, "--to", "modelopt", "--out", temp.resolve("converted")}),
                        Map.entry("verify", new Object[] {model()}),
                        Map.entry("diff", new Object[] {temp, model()}),
                        Map.entry("report", new Object[] {model(), "--out", "pom.xml/x.html"}),
                        Map.entry("evaluate", new Object[] {model(), "--data", "no-such-file.jsonl"}),
                        Map.entry("plan", new Object[] {model(), "--device", "sm100", "--gflops", 1}),
                        Map.entry("recipes list", new Object[] {}),
                        Map.entry("recipes schema", new Object[] {}),
                        Map.entry("recipes show", new Object[] {recipe()}),
                        Map.entry("recipes resolve", new Object[] {recipe()}),
                        Map.entry("recipes check", new Object[] {recipe()}),
                        Map.entry("backends list", new Object[] {}),
                        Map.entry("backends select", layer()),
                        Map.entry("backends explain", layer()),
                        Map.entry("synthesize", new Object[] {
                            "src/test/resources/cli/small-moe.json", "--seed", 1, "--out", "pom.xml/x"
                        }),
                        Map.entry("bench", new Object[] {temp}))
                .get(command);
        List<Object> all = new ArrayList<>(List.of((Object[]) command.split(" ")));
        for (int i = 0; i < words.length; i++) {
            if ((option.strip() + " ").startsWith(words[i] + " ")) {
                i++; // and its value
            } else {
                all.add(words[i]);
            }
        }
        return all;
    }

    private static Object[] layer() {
        return new Object[] {"--format", "nvfp4", "--device", "sm100"};
    }

    private static String recipe() {
        return CommandRun.recipe("fp8_kv-fp8");
    }

    private static Path data() {
        return model().resolve("tokens.jsonl");
    }

    private static Path model() {
        if (model == null) {
            model = SyntheticInputs.write(shared.resolve("model"), "bf16", 1).checkpoint();
        }
        return model;
    }
}
