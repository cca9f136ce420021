package io.github.steelyard.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.model.Modules;
import io.github.steelyard.site.ExpertPart;
import io.github.steelyard.site.ExpertPart.Product;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.testing.Json;
import io.github.steelyard.testing.SmallAdapter;
import io.github.steelyard.testing.TinySafetensors;
import io.github.steelyard.weights.LowRank;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What an adapter's directory may hold, on a model of two layers. That what is read is also right, the passes of
/// `AdaptedPassTest` show.
final class AdapterTest {

    private static final List<ModuleInfo> MODEL = IntStream.range(0, 2)
            .boxed()
            .flatMap(layer -> layer(layer).stream())
            .toList();

    @TempDir
    private Path temp;

    private static List<ModuleInfo> layer(int layer) {
        Modules modules = new Modules(layer);
        String name = "model.layers.%d.".formatted(layer);
        List<ModuleInfo> infos = new ArrayList<>();
        for (String leaf : List.of("self_attn.q_proj", "self_attn.v_proj")) {
            infos.add(modules.linear(name + leaf, 6, 4).info());
        }
        infos.add(modules.router(name + "mlp.gate", 2, 4, false).info());
        for (int expert = 0; expert < 2; expert++) {
            String own = "%smlp.experts.%d.".formatted(name, expert);
            for (Product product : Product.values()) {
                String leaf = product.name().toLowerCase(Locale.ROOT) + "_proj";
                ExpertPart part = new ExpertPart(name + "mlp.experts", expert, product);
                boolean second = product.isSecond();
                infos.add(modules.expert(own + leaf, second ? 4 : 3, second ? 3 : 4, part, List.of(own + leaf)));
            }
        }
        return infos;
    }

    private static ModuleInfo module(String name) {
        return MODEL.stream()
                .filter(info -> info.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static SmallAdapter queries() {
        return queries(1);
    }

    private static SmallAdapter queries(long seed) {
        SmallAdapter adapter = new SmallAdapter(seed, 2, 4)
                .config(json -> json.putArray("target_modules").add("q_proj"));
        for (int layer = 0; layer < 2; layer++) {
            String name = "model.layers.%d.self_attn.q_proj".formatted(layer);
            adapter.linear(name, module(name));
        }
        return adapter;
    }

    private Adapter open(SmallAdapter adapter) {
        return Adapter.open(adapter.write(temp.resolve("adapter")), MODEL);
    }

    private static LowRank at(Adapter adapter, String module) {
        return adapter.in(3, module).orElseThrow();
    }

    @Test
    void open_listOfEnds_adaptsTheseModulesAlone() {
        try (Adapter adapter = open(queries())) {
            assertThat(adapter.name()).isEqualTo("adapter");
            assertThat(adapter.modules()).isEqualTo(2);
            LowRank added = at(adapter, "model.layers.1.self_attn.q_proj");
            assertThat(added.variant()).isEqualTo(3);
            assertThat(added.scale()).isEqualTo(2);
            assertThat(added.rank()).isEqualTo(2);
            assertThat(adapter.in(0, "model.layers.1.self_attn.v_proj")).isEmpty();
        }
    }

    // The configs that say the same of the two layers' queries.
    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '"',
            value = {
                "{'target_modules': 'model\\\\.layers\\\\.[\\\\d]{1,}\\\\.self_attn\\\\.q_proj'}",
                "{'target_modules': '(?:.*?(?:self_attn|mlp).*?(?:q_proj|k_proj))|(?:lm_head)'}",
                "{'target_modules': '(?!.*experts).*\\\\.q_proj'}",
                "{'target_modules': ['model.layers.0.self_attn.q_proj', 'model.layers.1.self_attn.q_proj']}",
                "{'target_modules': ['q_proj', 'v_proj'], 'exclude_modules': ['self_attn.v_proj']}",
                "{'target_modules': 'ALL-linear', 'exclude_modules': '.*v_proj'}",
                "{'target_modules': ['q_proj'], 'layers_to_transform': [0, 1], 'layers_pattern': 'layers'}",
                "{'target_modules': ['q_proj'], 'layers_to_transform': [0, 1], 'layers_pattern': null}",
                "{'target_modules': [], 'target_parameters': ['q_proj.weight']}",
                "{'target_modules': ['q_proj'], 'lora_dropout': 0.1, 'bias': 'none', 'modules_to_save': null,"
                        + " 'task_type': 'CAUSAL_LM', 'use_dora': false, 'megatron_core': 'megatron.core',"
                        + " 'a_later_key': [], 'init_lora_weights': 'gaussian', 'fan_in_fan_out': true}",
            })
    void open_configThatSaysTheSame_adaptsTheSame(String config) {
        try (Adapter adapter = open(queries().config(json -> set(json, config)))) {
            assertThat(adapter.modules()).isEqualTo(2);
        }
    }

    private static void set(ObjectNode json, String config) {
        json.remove("target_modules");
        json.setAll((ObjectNode) Json.parse(config.replace('\'', '"')));
    }

    @Test
    void open_patterns_firstThatHoldsCounts() {
        SmallAdapter adapter = queries().config(json -> {
            json.putObject("alpha_pattern")
                    .put("layers\\.1\\.self_attn\\.q_proj", 16)
                    .put("q_proj", 32);
            json.put("use_rslora", true);
        });

        try (Adapter opened = open(adapter)) {
            assertThat(at(opened, "model.layers.0.self_attn.q_proj").scale()).isEqualTo((float) (32 / Math.sqrt(2)));
            assertThat(at(opened, "model.layers.1.self_attn.q_proj").scale()).isEqualTo((float) (16 / Math.sqrt(2)));
        }
    }

    @Test
    void open_rankPattern_givesExtentsAndScale() {
        SmallAdapter adapter = queries().config(json -> {
            json.put("r", 8);
            json.putObject("rank_pattern").put("q_proj", 2);
        });

        try (Adapter opened = open(adapter)) {
            assertThat(at(opened, "model.layers.0.self_attn.q_proj").scale()).isEqualTo(2);
        }
    }

    // A multimodal model keeps its layers under another root than the class that was trained.
    @Test
    void open_otherRoot_findsTheSameLayers() {
        SmallAdapter adapter = new SmallAdapter(1, 2, 4)
                .config(json -> json.putArray("target_modules").add("q_proj"));
        for (int layer = 0; layer < 2; layer++) {
            adapter.linear(
                    "language_model.model.layers.%d.self_attn.q_proj".formatted(layer),
                    module("model.layers.%d.self_attn.q_proj".formatted(layer)));
        }

        try (Adapter opened = open(adapter)) {
            assertThat(opened.modules()).isEqualTo(2);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "{'peft_type': 'LOHA'} | peft_type: wanted LORA, the only kind that is computed, found 'LOHA'",
                "{'use_dora': true} | use_dora: is not computed",
                "{'modules_to_save': ['lm_head']} | modules_to_save: is not computed",
                "{'layer_replication': [[0, 1]]} | layer_replication: is not computed",
                "{'a_later_key': 1} | a_later_key: is not computed",
                "{'bias': 'all'} | bias: wanted none, found 'all': changed biases are not computed",
                "{'init_lora_weights': 'pissa_niter_4'} | init_lora_weights: 'pissa_niter_4' changes the model's own",
                "{'r': 0} | r: wanted an integer in 1..65536, found 0",
                "{'lora_alpha': 'two'} | lora_alpha: wanted a number, found",
                "{'target_modules': []} | target_modules: wanted modules here, or parameters in target_parameters",
                "{'target_modules': ['q_proj', 'k_porj']} | target_modules: nothing that is adapted matches 'k_porj'",
                "{'target_modules': 'q_proj('} | target_modules: pattern",
                "{'target_parameters': ['experts.up']} | target_parameters: nothing that is adapted matches 'experts.up'",
                "{'rank_pattern': {'v_proj': 4}} | rank_pattern: nothing that is adapted matches 'rank_pattern.v_proj'",
                "{'alpha_pattern': {'v_proj': 4}} | alpha_pattern: nothing that is adapted matches",
                "{'layers_pattern': 'layers'} | layers_pattern: has no effect without layers_to_transform",
                "{'target_modules': '.*q_proj', 'layers_to_transform': 0} | layers_to_transform: has no effect beside",
            })
    void open_configThatIsNotComputed_isRefusedByItsKey(String config, String problem) {
        Consumer<ObjectNode> change = json -> json.setAll((ObjectNode) Json.parse(config.replace('\'', '"')));

        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> open(queries().config(change)))
                .withMessageStartingWith(temp.resolve("adapter/adapter_config.json") + ": " + problem);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "{'target_modules': ['v_proj']} | tensor 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight':"
                        + " adapter_config.json does not name 'model.layers.0.self_attn.q_proj'",
                "{'target_modules': ['q_proj', 'v_proj']} | wanted tensors for 'model.layers.0.self_attn.v_proj', which"
                        + " adapter_config.json names, found none",
                "{'r': 3} | tensor 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight': wanted shape [3, 4],"
                        + " found [2, 4]",
                "{'target_modules': ['q_proj'], 'layers_to_transform': 1} | tensor"
                        + " 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight': adapter_config.json does not"
                        + " name 'model.layers.0.self_attn.q_proj'",
                "{'target_parameters': ['experts.down_proj']} | wanted tensors for"
                        + " 'model.layers.0.mlp.experts.down_proj', which adapter_config.json names, found none",
            })
    void open_tensorsThatDoNotFitTheConfig_areRefused(String config, String problem) {
        Consumer<ObjectNode> change = json -> json.setAll((ObjectNode) Json.parse(config.replace('\'', '"')));

        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> open(queries().config(change)))
                .withMessage(temp.resolve("adapter/adapter_model.safetensors") + ": " + problem);
    }

    @Test
    void open_tensorsThatNoModuleTakes_areRefused() throws IOException {
        refused(
                "model.layers.0.self_attn.k_proj.lora_A.weight",
                "tensor 'base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight': the model has no linear layer"
                        + " 'model.layers.0.self_attn.k_proj'");
        refused(
                "vision_tower.layers.0.self_attn.q_proj.lora_A.weight",
                "tensor 'base_model.model.vision_tower.layers.0.self_attn.q_proj.lora_A.weight': the model has no linear"
                        + " layer 'vision_tower.layers.0.self_attn.q_proj'");
        refused(
                "model.embed_tokens.lora_embedding_A",
                "tensor 'base_model.model.model.embed_tokens.lora_embedding_A': is not computed; wanted"
                        + " base_model.model.MODULE.lora_A.weight or .lora_B.weight");
    }

    private void refused(String tensor, String problem) throws IOException {
        Path directory = queries().write(temp.resolve("adapter"));
        String name = "base_model.model." + tensor;
        new TinySafetensors()
                .f32(name, new long[] {2, 4}, new float[8])
                .f32(name.replace("_A", "_B"), new long[] {6, 2}, new float[12])
                .write(directory.resolve("adapter_model.safetensors"));

        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Adapter.open(directory, MODEL))
                .withMessage(directory.resolve("adapter_model.safetensors") + ": " + problem);
    }

    @Test
    void open_brokenPairs_areRefused() {
        String name = "base_model.model.model.layers.0.self_attn.q_proj.";
        Path directory = queries().write(temp.resolve("adapter"));
        Path file = directory.resolve("adapter_model.safetensors");

        new TinySafetensors()
                .f32(name + "lora_A.weight", new long[] {2, 4}, new float[8])
                .write(file);
        assertRefused(directory, "tensor '%slora_A.weight': wanted its lora_B beside it, found none".formatted(name));
        new TinySafetensors()
                .f32(name + "lora_A.weight", new long[] {2, 2, 2}, new float[8])
                .write(file);
        assertRefused(directory, "tensor '%slora_A.weight': wanted a matrix, found shape [2, 2, 2]".formatted(name));
        new TinySafetensors()
                .f32(name + "lora_A.weight", new long[] {2, 4}, 1, 2, Float.NaN, 4, 5, 6, 7, 8)
                .write(file);
        assertRefused(directory, "tensor '%slora_A.weight': wanted finite values, found NaN".formatted(name));
        new TinySafetensors()
                .bytes(name + "lora_A.weight", "I8", new long[] {1, 1}, 1)
                .write(file);
        assertRefused(
                directory,
                "tensor '%slora_A.weight': plain weight: expected F32, F16 or BF16, found I8".formatted(name));
        new TinySafetensors().write(file);
        assertRefused(directory, "no tensors: wanted two for each module that is adapted");
    }

    private static void assertRefused(Path directory, String problem) {
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Adapter.open(directory, MODEL))
                .withMessage(directory.resolve("adapter_model.safetensors") + ": " + problem);
    }

    @Test
    void open_pickle_isRefusedUnread() throws IOException {
        Path directory = queries().write(temp.resolve("adapter"));
        Files.move(directory.resolve("adapter_model.safetensors"), directory.resolve("adapter_model.bin"));

        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Adapter.open(directory, MODEL))
                .withMessage(directory.resolve("adapter_model.bin")
                        + ": a pickle, which is not read; save the adapter as adapter_model.safetensors");
    }

    // Of a square matrix the extents do not tell which way it is stored.
    @Test
    void open_squareMatrixOfAnOldVersion_isRefused() {
        ExpertPart part = new ExpertPart("model.layers.0.mlp.experts", 0, Product.UP);
        ExpertPart second = new ExpertPart("model.layers.0.mlp.experts", 0, Product.DOWN);
        List<ModuleInfo> model = List.of(
                new Modules(0).expert("model.layers.0.mlp.experts.0.up_proj", 4, 4, part, List.of()),
                new Modules(0).expert("model.layers.0.mlp.experts.0.down_proj", 4, 4, second, List.of()));
        SmallAdapter adapter = new SmallAdapter(1, 2, 4)
                .config(json -> json.put("peft_version", "0.19.0")
                        .putArray("target_parameters")
                        .add("experts.up_proj"))
                .stack("model.layers.0.mlp.experts", List.of(List.of(model.getFirst())), false, false);
        Path directory = adapter.write(temp.resolve("adapter"));

        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Adapter.open(directory, model))
                .withMessageContaining("'model.layers.0.mlp.experts.up_proj' is square, and PEFT below 0.19.1 stored");
        adapter.config(json -> json.put("peft_version", "0.19.1")).write(directory);
        try (Adapter opened = Adapter.open(directory, model)) {
            assertThat(opened.modules()).isOne();
        }
    }

    @Test
    void open_adapters_areInTheOrderOfTheirNames_whichDiffer() {
        Path two = queries().write(temp.resolve("two"));
        Path one = queries().write(temp.resolve("one"));

        try (Adapters adapters = Adapters.open(List.of(two, one), MODEL)) {
            assertThat(adapters.all()).extracting(Adapter::name).containsExactly("one", "two");
            assertThat(adapters.floats(module("model.layers.0.self_attn.q_proj")))
                    .isEqualTo(2 * 2 * (6 + 4));
        }
        Path other = queries().write(temp.resolve("other/one"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Adapters.open(List.of(one, other), MODEL))
                .withMessage("two adapters in directories named 'one'");
    }

    @Test
    void digest_dependsOnBothFiles() {
        String before = digest(queries());

        assertThat(digest(queries())).isEqualTo(before);
        assertThat(digest(queries().config(json -> json.put("lora_alpha", 5)))).isNotEqualTo(before);
        assertThat(digest(queries(2))).isNotEqualTo(before);
    }

    private String digest(SmallAdapter adapter) {
        try (Adapter opened = open(adapter)) {
            return opened.digest();
        }
    }
}
