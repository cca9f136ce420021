package io.github.steelyard.report;

import io.github.steelyard.catalogue.Deployment;
import io.github.steelyard.catalogue.MoeLayer;
import io.github.steelyard.dialect.Declaration;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.LinearGroup;
import io.github.steelyard.moe.Activation;
import io.github.steelyard.moe.Expert;
import io.github.steelyard.moe.Routing;
import io.github.steelyard.moe.SparseMoe;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.plan.Scheme;
import io.github.steelyard.site.ModuleInfo;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.stream.Stream;

/// One mixture-of-experts layer of a model as an engine will serve it.
///
/// @param index index of the decoder layer
/// @param prefix name of the experts' module
/// @param layer what backend selection looks at
/// @param w13 of each expert the first module of the first product; the others share its input
/// @param w2 of each expert the module of the second product
/// @param problems what an engine would misread
record ServedLayer(int index, String prefix, MoeLayer layer, List<String> w13, List<String> w2, List<String> problems) {

    /// Returns the layers of a model.
    ///
    /// @param plan the recipe's decisions; empty: the checkpoint stays as it is
    static List<ServedLayer> of(
            Decoder decoder, QuantizationConfig quantization, Optional<Plan> plan, Deployment deployment) {
        List<ServedLayer> layers = new ArrayList<>();
        for (Decoder.Layer layer : decoder.layers()) {
            for (Decoder.Block block : layer.blocks()) {
                if (block.body() instanceof SparseMoe moe) {
                    layers.add(of(moe, quantization, plan, deployment));
                }
            }
        }
        return layers;
    }

    private static ServedLayer of(
            SparseMoe moe, QuantizationConfig quantization, Optional<Plan> plan, Deployment deployment) {
        ModuleInfo first = modules(moe.experts().getFirst().w13()).findFirst().orElseThrow();
        List<String> problems = new ArrayList<>();
        ExpertFormat format = format(moe, quantization, plan, problems);
        int intermediate = moe.experts().getFirst().w2().columns();
        int shards = deployment.expertShards();
        if (intermediate % shards != 0) {
            problems.add(String.format(
                    Locale.ROOT, "%d intermediate features do not divide over %d ranks", intermediate, shards));
        }
        new ShardChecks(quantization, plan, deployment).ofExperts(moe).ifPresent(problems::add);
        MoeLayer.Size size = new MoeLayer.Size(
                first.columns(),
                Math.max(1, intermediate / shards),
                moe.experts().size());
        MoeLayer layer = new MoeLayer(
                format.format(),
                format.keys(),
                size,
                new MoeLayer.Router(routing(moe), "bf16"),
                activation(moe.activation()),
                "bf16",
                new MoeLayer.Traits(
                        biased(moe),
                        false,
                        moe.shared().isPresent(),
                        quantization.method() == QuantizationConfig.Method.COMPRESSED_TENSORS,
                        false),
                MoeLayer.Clamp.none(),
                format.layout());
        return new ServedLayer(
                first.layer(),
                first.expert().orElseThrow().group(),
                layer,
                firsts(moe.experts().stream().map(Expert::w13)),
                firsts(moe.experts().stream().map(Expert::w2)),
                List.copyOf(problems));
    }

    /// The engine reads one format for the whole layer; experts or projections that differ are a problem.
    private static ExpertFormat format(
            SparseMoe moe, QuantizationConfig quantization, Optional<Plan> plan, List<String> problems) {
        SequencedSet<ExpertFormat> found = new LinkedHashSet<>();
        for (Expert expert : moe.experts()) {
            Stream.concat(modules(expert.w13()), modules(expert.w2())).forEach(module -> {
                Optional<Declaration> declared = quantization.declarationOf(module.name());
                Scheme planned = plan.map(p -> p.scheme(module.name())).orElse(Scheme.NONE);
                found.add(ExpertFormat.of(planned, declared));
            });
        }
        if (found.size() > 1) {
            problems.add("its experts have several formats, of which an engine reads one for all: %s".formatted(found));
        }
        return found.getFirst();
    }

    private static Stream<ModuleInfo> modules(LinearGroup group) {
        return group.members().stream().map(Linear::info);
    }

    private static List<String> firsts(Stream<LinearGroup> groups) {
        return groups.map(group -> group.members().getFirst().info().name()).toList();
    }

    private static boolean biased(SparseMoe moe) {
        return moe.experts().getFirst().w2().members().stream()
                .anyMatch(linear -> linear.bias().isPresent());
    }

    /// Names the activation as the engine does.
    private static String activation(Activation activation) {
        return switch (activation) {
            case Activation.GatedSilu silu -> "silu";
            case Activation.ClampedSwiglu swiglu -> "swigluoai";
            case Activation.SquaredRelu relu -> "relu2_no_mul";
        };
    }

    /// Names the routing as the engine does, from scores, bias and groups.
    private static String routing(SparseMoe moe) {
        boolean bias = moe.router().correctionBias().isPresent();
        return switch (moe.router().routing()) {
            case Routing.Softmax r -> r.renormalise() ? "RenormalizeNaive" : "Default";
            case Routing.GroupedSoftmax r -> "Default";
            case Routing.GroupedSigmoid r -> sigmoid(bias, r.renormalise());
            case Routing.CorrectedSoftmax r -> "Unspecified";
            case Routing.SoftmaxOfChosen r -> "Renormalize";
            case Routing.SigmoidOfChosen r -> "Llama4";
        };
    }

    private static String sigmoid(boolean bias, boolean renormalise) {
        if (bias) {
            return renormalise ? "DeepSeekV3" : "Unspecified";
        }
        return renormalise ? "SigmoidRenorm" : "Sigmoid";
    }

    /// Describes what decides the backend, for people: layers that say the same are served the same way.
    String label() {
        MoeLayer.Keys keys = layer.keys();
        return String.format(
                Locale.ROOT,
                "%s (%s x %s), %d experts of %d x %d",
                layer.format(),
                keys.weight().orElse(MoeLayer.NONE),
                keys.input().orElse(MoeLayer.NONE),
                layer.size().experts(),
                layer.size().intermediate(),
                layer.size().hidden());
    }
}
