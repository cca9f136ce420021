package io.github.steelyard.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.Shared;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Adapters that PEFT itself made and saved, against the logits and the largest inputs that it computed with them:
/// `scripts/golden/peft_adapters.py`.
final class PeftGoldenTest {

    private static final Path GOLDEN = Path.of("src/test/resources/golden/peft");
    private static final List<int[]> PROMPTS = List.of(new int[] {1, 7, 3, 99, 42, 8, 120, 5}, new int[] {5, 5, 120});

    @TempDir
    private Path temp;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tiny-attention",
                "tiny-experts",
                "qwen3-moe",
                "mixtral",
                "gpt-oss",
                "llama4",
                "deepseek-v3",
                "nemotron-h",
                "qwen3.5-moe",
                "llama-head"
            })
    void pass_withAdaptersOfPeft_givesItsLogitsAndAmax(String name) throws IOException {
        Path golden = GOLDEN.resolve(name);
        Path checkpoint =
                Shared.path(Files.readString(golden.resolve("checkpoint")).strip());
        List<String> adapters = List.of("one", "two").stream()
                .filter(each -> Files.isDirectory(golden.resolve(each)))
                .toList();

        ForwardRun run = AdaptedRun.of(
                checkpoint,
                PROMPTS,
                ForwardRun.Options.fastest(),
                adapters.stream().map(golden::resolve).toList());

        Map<String, float[]> logits = logits(golden.resolve("logits.safetensors"));
        int variant = 0;
        for (String each : variants(adapters)) {
            for (int prompt = 0; prompt < PROMPTS.size(); prompt++) {
                float[] wanted = logits.get(each + "." + prompt);
                float[] found = run.logits().get(variant * PROMPTS.size() + prompt);
                assertThat(found).as("%s.%d", each, prompt).hasSameSizeAs(wanted);
                for (int i = 0; i < wanted.length; i++) {
                    assertThat(found[i]).as("%s.%d, %d", each, prompt, i).isCloseTo(wanted[i], within(2e-4f));
                }
            }
            variant++;
        }
        Map<String, Float> amax = amax(golden.resolve("amax.json"));
        assertThat(amax).isNotEmpty();
        amax.forEach((module, wanted) -> assertThat(run.statistics()
                        .at(new Site(module, Role.INPUT))
                        .orElseThrow(() -> new AssertionError(module + " is no module"))
                        .amax())
                .as(module)
                .isCloseTo(wanted, within(1e-4f * wanted)));
    }

    // PEFT would put that head in the model's place, servers would not.
    @Test
    void adapter_thatBringsAnotherHead_isRefused() throws IOException {
        Path golden = GOLDEN.resolve("llama-head");
        Path changed = Files.createDirectory(temp.resolve("changed"));
        Files.copy(golden.resolve("one/adapter_config.json"), changed.resolve("adapter_config.json"));
        List<Planned> planned = new ArrayList<>();
        List<MemorySegment> bytes = new ArrayList<>();
        try (SafetensorsFile file = SafetensorsFile.open(golden.resolve("one/adapter_model.safetensors"))) {
            file.tensors().forEach((name, tensor) -> {
                byte[] copy = file.bytes(tensor).toArray(ValueLayout.JAVA_BYTE);
                copy[0] ^= name.endsWith("base_layer.weight") ? (byte) 1 : 0;
                planned.add(new Planned(name, tensor.dtype(), tensor.shape()));
                bytes.add(MemorySegment.ofArray(copy));
            });
            SafetensorsWriter.write(changed.resolve("adapter_model.safetensors"), planned, Map.of(), bytes);
        }
        Path checkpoint = Shared.path("conformance/architectures/llama");

        assertThatThrownBy(() -> AdaptedRun.of(
                        checkpoint, PROMPTS, ForwardRun.Options.fastest(), List.of(golden.resolve("one"), changed)))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(
                        "%s/adapter_model.safetensors: tensor 'base_model.model.lm_head.base_layer.weight': is not the weight"
                                        .formatted(changed)
                                + " of the model's lm_head; an adapter that brings a weight of its own is not computed");
    }

    private static List<String> variants(List<String> adapters) {
        return Stream.concat(Stream.of("base"), adapters.stream()).toList();
    }

    private static Map<String, float[]> logits(Path golden) {
        Map<String, float[]> logits = new TreeMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(golden)) {
            file.tensors()
                    .forEach((name, tensor) -> logits.put(
                            name,
                            file.bytes(tensor).toArray(ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN))));
        }
        return logits;
    }

    private static Map<String, Float> amax(Path golden) throws IOException {
        Map<String, Float> amax = new TreeMap<>();
        Json.parse(Files.readString(golden))
                .properties()
                .forEach(entry -> amax.put(entry.getKey(), entry.getValue().floatValue()));
        return amax;
    }
}
