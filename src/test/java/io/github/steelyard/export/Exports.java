package io.github.steelyard.export;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.steelyard.calibration.ScaleOrigin;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.SiteScale;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.format.Format;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.layout.OutputTensors;
import io.github.steelyard.layout.TensorContent;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.site.ExpertPart;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.weights.CheckpointWeights;
import io.github.steelyard.weights.Weights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// What tests of exports share: recipes, and statistics without a forward pass.
public final class Exports {

    static final String FP8 = "{num_bits: e4m3}";
    static final String NVFP4 = "{num_bits: e2m1, block_sizes: {-1: 16, type: dynamic, scale_bits: e4m3}}";
    static final ExportRun OPTIONS = new ExportRun(Long.MAX_VALUE, 2, bytes -> {});

    private Exports() {}

    static final String FP8_CHANNEL = "{num_bits: e4m3, axis: 0}";
    static final String FP8_TOKEN = "{num_bits: e4m3, type: dynamic, block_sizes: {-1: null}}";
    static final String FP8_TILES = "{num_bits: e4m3, block_sizes: {-1: 128, -2: 128}}";
    static final String FP8_GROUPS = "{num_bits: e4m3, block_sizes: {-1: 128, type: dynamic}}";
    static final String MXFP4 = "{num_bits: e2m1, block_sizes: {-1: 32, type: dynamic, scale_bits: e8m0}}";
    static final String INT8 = "{num_bits: 8}";
    static final String INT8_CHANNEL = "{num_bits: 8, axis: 0}";
    static final String INT8_TOKEN = "{num_bits: 8, type: dynamic, block_sizes: {-1: null}}";
    static final String MXFP8 = "{num_bits: e4m3, block_sizes: {-1: 32, type: dynamic, scale_bits: e8m0}}";

    /// Returns the attributes of integers of four bits in groups.
    static String int4(int group) {
        return "{num_bits: 4, block_sizes: {-1: %d, type: static}}".formatted(group);
    }

    /// Returns a recipe that switches everything off and then applies `rules`, each a pattern and its attributes.
    static Recipe recipe(String... rules) {
        List<String> all = new ArrayList<>(List.of("max"));
        all.addAll(List.of(rules));
        return searched(all.toArray(String[]::new));
    }

    /// Returns the same under an algorithm: it first, then the rules.
    static Recipe searched(String... rules) {
        StringBuilder text = new StringBuilder("""
                metadata: {recipe_type: ptq}
                quantize:
                  algorithm: %s
                  quant_cfg:
                    - {quantizer_name: '*', enable: false}
                """.formatted(rules[0]));
        for (int i = 1; i < rules.length; i += 2) {
            text.append("    - {quantizer_name: '%s', cfg: %s}%n".formatted(rules[i], rules[i + 1]));
        }
        return Recipe.parse(Path.of("test.yaml"), text.toString());
    }

    /// Returns the same recipe, written in compressed-tensors.
    static Recipe inCompressedTensors(Recipe recipe) {
        return recipe.exportedAs(ExportOptions.Format.COMPRESSED_TENSORS);
    }

    /// Returns scales from [#statistics], but that every FP8 weight keeps its own: llm-compressor joins none of them.
    static ScaleTable withOwnFp8Scales(Statistics statistics, Plan plan) {
        TreeMap<Site, SiteScale> scales =
                new TreeMap<>(ScaleTable.resolve(statistics, plan).scales());
        for (ModuleInfo module : plan.modules()) {
            Site site = new Site(module.name(), Role.WEIGHT);
            if (plan.format(site).equals(Optional.of(Format.FP8))) {
                float own = statistics.at(site).orElseThrow().amax();
                scales.put(site, new SiteScale(site, own, ScaleOrigin.MEASURED, Optional.empty(), ""));
            }
        }
        return new ScaleTable(scales);
    }

    static Plan plan(Decoder decoder, Recipe recipe) {
        return Plan.of(recipe, decoder.modules());
    }

    /// Returns an amax of 3 for every input, key and value, and the real amax of every weight.
    static Statistics statistics(Checkpoint checkpoint, Decoder decoder) {
        return statistics(new CheckpointWeights(checkpoint), decoder);
    }

    static Statistics statistics(Weights weights, Decoder decoder) {
        TreeMap<Site, SiteStatistics> sites = new TreeMap<>();
        for (ModuleInfo module : decoder.modules()) {
            module.sites().forEach(site -> sites.put(site, SiteStatistics.of(3, 100, 0)));
        }
        for (Linear linear : decoder.linears()) {
            float[] values = new float[linear.info().rows() * linear.info().columns()];
            linear.open(weights).decodeRows(0, linear.info().rows(), values, 0);
            float amax = Kernels.reference().absMax(values, 0, values.length);
            sites.put(
                    new Site(linear.info().name(), Role.WEIGHT),
                    SiteStatistics.of(amax, linear.info().rows(), 0));
        }
        return new Statistics(sites);
    }

    /// Returns the amax values that ModelOpt's own run kept. Its fused experts have one input quantizer per projection
    /// and layer, and one weight quantizer for gate and up of an expert together.
    static Statistics modelOptStatistics(Path quantizers, Decoder decoder) throws IOException {
        JsonNode kept = new JsonMapper().readTree(quantizers.toFile());
        TreeMap<Site, SiteStatistics> sites = new TreeMap<>();
        for (ModuleInfo module : decoder.modules()) {
            for (Site site : module.sites()) {
                JsonNode amax = kept.path(site.name()).path("amax");
                JsonNode fused = kept.path(fusedName(module, site.role())).path("amax");
                JsonNode stacked = kept.path(stackedName(module, site.role())).path("amax");
                if (amax.isNumber() || fused.isNumber() || stacked.isNumber()) {
                    float value = (float) (amax.isNumber() ? amax : fused.isNumber() ? fused : stacked).asDouble();
                    sites.put(site, SiteStatistics.of(value, 100, 0));
                }
            }
        }
        return new Statistics(sites);
    }

    /// Returns our scales from ModelOpt's amax values, but that q, k and v keep their own in FP8, as ModelOpt's do.
    static ScaleTable modelOptScales(Path quantizers, Decoder decoder, Plan plan) throws IOException {
        Statistics statistics = modelOptStatistics(quantizers, decoder);
        TreeMap<Site, SiteScale> scales =
                new TreeMap<>(ScaleTable.resolve(statistics, plan).scales());
        for (ModuleInfo module : decoder.modules()) {
            Site site = new Site(module.name(), Role.WEIGHT);
            if (!module.isExpert() && plan.format(site).equals(Optional.of(Format.FP8))) {
                float own = statistics.at(site).orElseThrow().amax();
                scales.put(site, new SiteScale(site, own, ScaleOrigin.MEASURED, Optional.empty(), ""));
            }
        }
        return new ScaleTable(scales);
    }

    /// Returns a scale of one value as ModelOpt has it.
    public static OutputTensors scalar(String name, float value) {
        return OutputTensors.of(
                name, DType.F32, Dialect.MODELOPT.singleShape(), new TensorContent.Floats(List.of(value)));
    }

    static Map<String, String> noInputs() {
        return Map.of();
    }

    /// ModelOpt's one weight quantizer for all experts of gpt-oss or Llama-4.
    private static String stackedName(ModuleInfo module, Role role) {
        return module.stacked()
                .map(place -> place.stack().tensor() + "_" + role.quantizer())
                .orElse("none");
    }

    private static String fusedName(ModuleInfo module, Role role) {
        if (module.expert().isEmpty()) {
            return "none";
        }
        ExpertPart part = module.expert().get();
        String projection = part.product().isSecond() ? "down_proj" : "gate_up_proj";
        return role == Role.INPUT
                ? "%s.%s_input_quantizer".formatted(part.group(), projection)
                : "%s.%s_weight_quantizers.%d".formatted(part.group(), projection, part.index());
    }
}
