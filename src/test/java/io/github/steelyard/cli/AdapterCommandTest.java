package io.github.steelyard.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.console.ExitCode;
import io.github.steelyard.family.Families;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.SmallAdapter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Commands that are given adapters.
final class AdapterCommandTest {

    @TempDir
    private Path temp;

    private SyntheticInputs inputs = new SyntheticInputs(Path.of(""));

    @BeforeEach
    void synthesise() {
        inputs = SyntheticInputs.write(temp.resolve("inputs"), "bf16", 2);
    }

    private SmallAdapter adapter(long seed) {
        return inputs.adapter(seed);
    }

    private Object[] calibrate(String run, Object... options) {
        List<Object> all = new ArrayList<>(List.of(
                "calibrate",
                inputs.checkpoint(),
                "--recipe",
                CommandRun.recipe("nvfp4-experts"),
                "--data",
                inputs.data(),
                "--out",
                temp.resolve(run)));
        all.addAll(List.of(options));
        return all.toArray();
    }

    private byte[] statistics(String run) throws IOException {
        return Files.readAllBytes(temp.resolve(run).resolve("statistics.safetensors"));
    }

    @Test
    void calibrate_withAdapters_goesOnWithTheSameBytesAndNamesThemEverywhere() throws IOException {
        Path one = adapter(1).write(temp.resolve("one"));
        Path two = adapter(2).write(temp.resolve("two"));
        CommandRun whole = CommandRun.of(calibrate("whole", "--threads", 1, "--adapter", one, "--adapter", two))
                .expect(ExitCode.OK);
        assertThat(whole.out()).contains("token(s), counted over the model as it is and 2 adapters");
        assertThat(whole.err()).contains("note: adapter one adds to ");

        Object[] broken = calibrate("run", "--threads", 2, "--adapter", two, "--adapter", one);
        CommandRun.watched(new ProgressWatcher("layer 1/2", AdapterCommandTest::fail), broken)
                .expect(ExitCode.INTERNAL);
        CommandRun other = CommandRun.of(calibrate("run", "--threads", 2, "--adapter", one))
                .expect(ExitCode.BAD_INPUT);
        assertThat(other.err()).contains("adapter.two: nothing here, ");
        CommandRun.of(broken).expect(ExitCode.OK);

        assertThat(statistics("run")).isEqualTo(statistics("whole"));
        JsonNode settings =
                Json.parse(Files.readString(temp.resolve("run/manifest.json"))).path("settings");
        assertThat(settings.has("adapter.one")).isTrue();
        assertThat(settings.has("adapter.two")).isTrue();

        JsonNode sites = CommandRun.of("stats", temp.resolve("run"), "--json")
                .expect(ExitCode.OK)
                .json()
                .path("sites");
        assertThat(new TreeSet<>(StreamSupport.stream(sites.spliterator(), false)
                        .map(site -> site.path("adapter").asText("none"))
                        .toList()))
                .containsExactly("none", "one", "two");
        CommandRun.of("export", temp.resolve("run"), "--out", temp.resolve("export"), "--format", "scales")
                .expect(ExitCode.OK);
        JsonNode provenance = Json.parse(Files.readString(temp.resolve("export/steelyard.json")));
        assertThat(provenance.path("inputs").path("adapter.one")).isEqualTo(settings.get("adapter.one"));
        assertThat(provenance.path("scales").toString()).contains("shown by adapter two");
    }

    private static void fail() {
        throw new IllegalStateException("broken off by the test");
    }

    // Without adapters there is not a byte of them.
    @Test
    void calibrate_withAnAdapterOfZeros_hasTheAmaxesOfARunWithout() throws IOException {
        SmallAdapter zeros = new SmallAdapter(3, 2, 4)
                .zero()
                .config(json -> json.putArray("target_modules").add("o_proj"));
        try (Checkpoint checkpoint = Checkpoint.open(inputs.checkpoint())) {
            Families.of(checkpoint).linears().stream()
                    .map(linear -> linear.info())
                    .filter(module -> module.name().endsWith("o_proj"))
                    .forEach(module -> zeros.linear(module.name(), module));
        }
        CommandRun.of(calibrate("plain", "--gemm", "vector")).expect(ExitCode.OK);
        CommandRun.of(calibrate("zeros", "--gemm", "vector", "--adapter", zeros.write(temp.resolve("zero"))))
                .expect(ExitCode.OK);

        JsonNode plain =
                CommandRun.of("stats", temp.resolve("plain"), "--json").json().path("sites");
        JsonNode found =
                CommandRun.of("stats", temp.resolve("zeros"), "--json").json().path("sites");
        assertThat(found).hasSameSizeAs(plain).isNotEmpty();
        for (int i = 0; i < plain.size(); i++) {
            assertThat(found.get(i).path("amax")).isEqualTo(plain.get(i).path("amax"));
            assertThat(found.get(i).has("adapter")).isFalse();
        }
    }

    @Test
    void evaluate_withAnAdapter_isNotTheModelAsItIs() {
        Path one = adapter(1).write(temp.resolve("one"));

        double with = nll("--adapter", one);

        assertThat(with).isNotEqualTo(nll());
    }

    // Which adapter showed an amax merges as the amax does.
    @Test
    void calibrate_withAdapters_inPartsThatAreMerged_givesTheSameBytes() throws IOException {
        Path one = adapter(1).write(temp.resolve("one"));
        Path two = adapter(2).write(temp.resolve("two"));
        CommandRun.of(calibrate("whole", "--adapter", one, "--adapter", two)).expect(ExitCode.OK);
        for (int part = 1; part <= 3; part++) {
            CommandRun.of(calibrate("part-" + part, "--adapter", two, "--adapter", one, "--shard", part + "/3"))
                    .expect(ExitCode.OK);
        }
        CommandRun.of(calibrate("plain", "--shard", "3/3")).expect(ExitCode.OK);

        CommandRun merged = merge("part-3", "part-1", "part-2").expect(ExitCode.OK);

        assertThat(merged.out()).contains(", counted over the model as it is and 2 adapters");
        assertThat(statistics("merged")).isEqualTo(statistics("whole"));
        assertThat(merge("part-1", "part-2", "plain").expect(ExitCode.BAD_INPUT).err())
                .contains("adapter.one: nothing here, ");
    }

    private CommandRun merge(String... parts) {
        List<Object> all = new ArrayList<>(List.of("merge"));
        for (String part : parts) {
            all.add(temp.resolve(part));
        }
        all.addAll(List.of("--out", temp.resolve("merged")));
        return CommandRun.of(all.toArray());
    }

    private double nll(Object... options) {
        List<Object> all = new ArrayList<>(List.of("evaluate", inputs.checkpoint(), "--data", inputs.data(), "--json"));
        all.addAll(List.of(options));
        return CommandRun.of(all.toArray())
                .expect(ExitCode.OK)
                .json()
                .path("nll")
                .doubleValue();
    }

    @Test
    void evaluate_withAnAdapter_needsItsMemory() {
        SmallAdapter wide = new SmallAdapter(1, 16384, 4);
        try (Checkpoint checkpoint = Checkpoint.open(inputs.checkpoint())) {
            Families.of(checkpoint).linears().stream()
                    .map(linear -> linear.info())
                    .filter(module -> module.name().equals("model.layers.0.self_attn.o_proj"))
                    .forEach(module -> wide.config(json -> json.put("target_modules", ".*0.self_attn.o_proj"))
                            .linear(module.name(), module));
        }

        assertThat(leastMemory("--adapter", wide.write(temp.resolve("wide")))).isGreaterThan(leastMemory());
    }

    private int leastMemory(Object... options) {
        List<Object> all = new ArrayList<>(List.of("evaluate", inputs.checkpoint(), "--data", inputs.data()));
        all.addAll(List.of("--memory", "200M"));
        all.addAll(List.of(options));
        String said = CommandRun.of(all.toArray()).expect(ExitCode.RESOURCE).err();
        return Integer.parseInt(said.replaceAll("(?s).*at least --memory (\\d+)M.*", "$1"));
    }

    @Test
    void calibrate_adapterThatDoesNotFit_isRefusedInOneLine() {
        Path one = adapter(1).config(json -> json.put("use_dora", true)).write(temp.resolve("one"));

        CommandRun run = CommandRun.of(calibrate("run", "--adapter", one)).expect(ExitCode.BAD_INPUT);

        assertThat(run.err())
                .contains("adapter_config.json: use_dora: is not computed")
                .doesNotContain("\tat ");
        assertThat(temp.resolve("run")).doesNotExist();
    }

    @Test
    void plan_lora_asksForABackendThatServesAdapters() throws IOException {
        Path model = Files.createDirectory(temp.resolve("model"));
        Files.copy(Path.of("src/test/resources/configs/qwen3-30b-a3b.json"), model.resolve("config.json"));

        assertThat(expertClass(model)).isNotEqualTo("TrtLlmBf16LoRAExperts");
        assertThat(expertClass(model, "--lora")).isEqualTo("TrtLlmBf16LoRAExperts");
        CommandRun alone = CommandRun.of("plan", model, "--gflops", 0, "--lora").expect(ExitCode.USAGE);
        assertThat(alone.err()).contains("--lora: no effect without --device");
    }

    private static String expertClass(Path model, Object... options) {
        List<Object> all = new ArrayList<>(List.of("plan", model, "--gflops", 0, "--device", "sm100", "--json"));
        all.addAll(List.of(options));
        return CommandRun.of(all.toArray())
                .expect(ExitCode.OK)
                .json()
                .path("serving")
                .path("layers")
                .path(0)
                .path("expert_class")
                .asText();
    }
}
