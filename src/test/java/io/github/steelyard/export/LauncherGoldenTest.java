package io.github.steelyard.export;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.family.Families;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.testing.Shared;
import io.github.steelyard.testing.TorchReader;
import io.github.steelyard.testing.TorchReader.Scalar;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The state for ModelOpt's launcher against those that ModelOpt itself wrote of the tiny model: the same quantizers
/// after the launcher's own conversion of names, each with all attributes and the same amax.
final class LauncherGoldenTest {

    private static final String GOLDEN = "conformance/golden/vllm-fakequant/";
    private static final String STATE = "vllm_fq_modelopt_state.pth";
    private static final Pattern PART = Pattern.compile("(.*\\.)[qkv]_proj\\.input_quantizer");
    private static final Pattern EXPERT = Pattern.compile("(.*\\.experts)\\.0\\.(gate|down)_proj\\.input_quantizer");
    private static final Pattern FUSED_EXPERTS =
            Pattern.compile("(.*\\.experts)\\.(gate_up|down)_proj_input_quantizer");
    private static final Pattern CACHE = Pattern.compile("(.*\\.self_attn)\\.([kv]_bmm_quantizer)");

    @TempDir
    private Path temp;

    @Test
    void export_fp8OfAllLayers_hasThePeersState() {
        assertSameState(
                "tiny.fp8-kvfp8",
                Exports.recipe(
                        "*_proj.weight_quantizer", Exports.FP8,
                        "*_proj.input_quantizer", Exports.FP8,
                        "*[kv]_bmm_quantizer", Exports.FP8),
                8 * 4 - 2 * 4);
    }

    // ModelOpt keeps an amax in BF16 where the model is.
    @Test
    void export_nvfp4OfTheExperts_hasThePeersStateInFloat32() {
        assertSameState(
                "tiny.nvfp4exp-kvfp8.bf16",
                Exports.recipe(
                        "*.experts.*weight_quantizer", Exports.NVFP4,
                        "*.experts.*input_quantizer", Exports.NVFP4,
                        "*[kv]_bmm_quantizer", Exports.FP8),
                4 * 4);
    }

    private void assertSameState(String run, Recipe recipe, int quantizers) {
        Map<?, ?> golden = map(TorchReader.read(Shared.path(GOLDEN + run + "/" + STATE)));
        export(recipe, enabled(golden));
        Map<?, ?> ours = map(TorchReader.read(temp.resolve("export").resolve(STATE)));

        assertThat(ours.keySet().stream().map(Object::toString).toList())
                .isEqualTo(golden.keySet().stream().map(Object::toString).toList());
        assertThat(ours.get("modelopt_version")).isEqualTo(golden.get("modelopt_version"));
        Map<String, Object> wanted = served(enabled(golden));
        assertThat(served(enabled(ours))).isEqualTo(wanted).hasSize(quantizers);
        Map<String, Object> wantedStates = served(states(golden));
        wantedStates.keySet().retainAll(wanted.keySet());
        assertThat(served(states(ours))).isEqualTo(wantedStates);
        Map<?, ?> flat = map(TorchReader.read(temp.resolve("export/quantizer_state.pth")));
        assertThat(flat.entrySet().stream()
                        .collect(Collectors.toMap(
                                entry -> server(entry.getKey().toString().replace("._amax", "")),
                                entry -> (Object) ((Scalar) entry.getValue()).value())))
                .isEqualTo(wanted);
        assertThat(new TreeSet<>(TorchReader.entries(temp.resolve("export").resolve(STATE)).keySet().stream()
                        .filter(name -> !name.contains("/data/"))
                        .toList()))
                .isEqualTo(new TreeSet<>(TorchReader.entries(Shared.path(GOLDEN + run + "/" + STATE)).keySet().stream()
                        .filter(name -> !name.contains("/data/") && !name.endsWith("serialization_id"))
                        .toList()));
    }

    private void export(Recipe recipe, Map<String, Object> amax) {
        try (Checkpoint source = Checkpoint.open(Shared.path("models/tiny-qwen3-moe-bf16"))) {
            Decoder decoder = Families.of(source);
            TreeMap<Site, SiteStatistics> sites =
                    new TreeMap<>(Exports.statistics(source, decoder).sites());
            for (ModuleInfo module : decoder.modules()) {
                for (Site site : module.sites()) {
                    Object value = amax.get(module.expert()
                            .map(part -> part.group()
                                    + (part.product().isSecond() ? ".down_proj_" : ".gate_up_proj_")
                                    + Role.INPUT.quantizer())
                            .orElse(site.name()));
                    if (site.role() != Role.WEIGHT && value != null) {
                        sites.put(site, SiteStatistics.of((float) value, 100, 0));
                    }
                }
            }
            Plan plan = Exports.plan(decoder, recipe.exportedAs(ExportOptions.Format.VLLM_FAKEQUANT));
            new CheckpointExporter(
                            ExportSource.of(source, decoder),
                            plan,
                            ScaleTable.resolve(new Statistics(sites), plan),
                            Exports.OPTIONS)
                    .export(temp.resolve("export"), Exports.noInputs());
        }
    }

    /// Returns the amax of each quantizer that is on.
    private static Map<String, Object> enabled(Map<?, ?> file) {
        Map<String, Object> amax = new LinkedHashMap<>();
        Map<?, ?> weights = map(file.get("modelopt_state_weights"));
        states(file).forEach((name, state) -> {
            if (map(state).get("_disabled").equals(false)) {
                amax.put(name, ((Scalar) map(weights.get(name)).get("_amax")).value());
            }
        });
        return amax;
    }

    /// Returns the attributes of each quantizer; the dtype of the amax is said to be float32.
    private static Map<String, Object> states(Map<?, ?> file) {
        List<?> mode = (List<?>) ((List<?>) file.get("modelopt_state_dict")).getFirst();
        assertThat(mode.getFirst()).isEqualTo("quantize");
        Map<String, Object> states = new LinkedHashMap<>();
        map(map(map(mode.get(1)).get("metadata")).get("quantizer_state"))
                .forEach((name, state) -> states.put(name.toString(), inFloat32(state)));
        return states;
    }

    private static Object inFloat32(Object value) {
        if (value instanceof Map<?, ?> map) {
            Map<Object, Object> copy = new LinkedHashMap<>();
            map.forEach((key, entry) -> copy.put(key, inFloat32(entry)));
            return copy;
        }
        return value.equals("torch.bfloat16") ? "torch.float32" : value;
    }

    /// Returns the values under the names that the launcher makes of these; those that it joins are equal here.
    private static Map<String, Object> served(Map<String, Object> values) {
        Map<String, Object> served = new TreeMap<>();
        values.forEach((name, value) -> {
            Object other = served.put(server(name), value);
            assertThat(other == null || other.equals(value)).as(name).isTrue();
        });
        return served;
    }

    /// The launcher's conversion of names, and what it leaves out: experts in one tensor.
    private static String server(String name) {
        Matcher part = PART.matcher(name);
        Matcher expert = EXPERT.matcher(name);
        Matcher fused = FUSED_EXPERTS.matcher(name);
        Matcher cache = CACHE.matcher(name);
        if (part.matches()) {
            return part.group(1) + "qkv_proj.input_quantizer";
        }
        if (expert.matches() || fused.matches()) {
            Matcher found = expert.matches() ? expert : fused;
            return found.group(1)
                    + (found.group(2).startsWith("gate") ? ".w13_input_quantizer" : ".w2_input_quantizer");
        }
        return cache.matches() ? cache.group(1) + ".attn." + cache.group(2) : name;
    }

    private static Map<?, ?> map(Object value) {
        return (Map<?, ?>) value;
    }
}
