package io.github.steelyard.report;

import io.github.steelyard.catalogue.Assumptions;
import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.catalogue.Deployment;
import io.github.steelyard.catalogue.Device;
import io.github.steelyard.catalogue.InputScales;
import io.github.steelyard.catalogue.MoeLayer;
import io.github.steelyard.catalogue.Preference;
import io.github.steelyard.catalogue.SelectionRequest;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.oracle.Decision;
import io.github.steelyard.oracle.FakeQuantLaunch;
import io.github.steelyard.oracle.Oracle;
import io.github.steelyard.oracle.Refusal;
import io.github.steelyard.oracle.Rejection;
import io.github.steelyard.oracle.Selection;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.statistics.SiteStatistics;
import io.github.steelyard.statistics.Statistics;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What a serving engine will do with the experts of a model: the backend of each layer and what it does to scales,
/// for the checkpoint as it is, which a fake-quantised engine runs, and for what the recipe makes of it.
///
/// @param engine engine and snapshot
/// @param device the device
/// @param libraries libraries taken to be installed
/// @param layers one answer per mixture-of-experts layer, as the recipe makes it
/// @param sourceLayers the same for the checkpoint as it is
/// @param fakeQuantFlags arguments under which the engine shows every quantised w2 input
/// @param fakeQuantComplete whether it does, with these flags
/// @param fakeQuantAdvice what to know about that
/// @param unusedRequests backends asked for a format that no layer has
/// @param problems what the engine would refuse outside the experts
public record ServingPlan(
        String engine,
        String device,
        Set<String> libraries,
        List<Layer> layers,
        List<Layer> sourceLayers,
        List<String> fakeQuantFlags,
        boolean fakeQuantComplete,
        List<String> fakeQuantAdvice,
        List<String> unusedRequests,
        List<String> problems) {

    /// What is asked of the engine.
    ///
    /// @param oracle the engine
    /// @param device the device
    /// @param deployment how the model is spread
    /// @param preference what the user asks for
    /// @param lora whether LoRA adapters are served
    public record Question(Oracle oracle, Device device, Deployment deployment, Preference preference, boolean lora) {}

    /// One layer's answer.
    ///
    /// @param layer index of the decoder layer
    /// @param experts name of the experts' module
    /// @param served what decides the backend, for people
    /// @param format weight format
    /// @param backend the backend; null if there is none
    /// @param expertClass the expert class; null if there is none
    /// @param error the engine's error; null if there is none
    /// @param reason its message
    /// @param source who asked for a backend
    /// @param w13Input visibility of the first product's input; null if there is no backend
    /// @param w2Input visibility of the second product's input; null if there is no backend
    /// @param inputScales what becomes of calibrated input scales; null if there is no backend
    /// @param spread how far the experts' amax lie apart, by product; empty without statistics
    /// @param rejected the candidates rejected before
    /// @param problems what the engine would misread
    /// @param notes what is worth knowing besides
    public record Layer(
            int layer,
            String experts,
            String served,
            String format,
            @Nullable String backend,
            @Nullable String expertClass,
            @Nullable String error,
            @Nullable String reason,
            String source,
            @Nullable String w13Input,
            @Nullable String w2Input,
            @Nullable String inputScales,
            Map<String, Spread> spread,
            List<String> rejected,
            List<String> problems,
            List<String> notes) {

        boolean refused() {
            return error != null || !problems.isEmpty();
        }
    }

    /// How far the input amax of a layer's experts lie apart: the factor by which a scale shared by all is too coarse.
    ///
    /// @param measured experts with statistics
    /// @param experts experts of the layer
    /// @param maximumOverMedian largest amax by the median
    /// @param maximumOverMinimum largest amax by the smallest that is not 0
    public record Spread(int measured, int experts, double maximumOverMedian, double maximumOverMinimum) {

        static Optional<Spread> of(Statistics statistics, List<String> modules) {
            float[] amax = new float[modules.size()];
            int count = 0;
            for (String module : modules) {
                Optional<SiteStatistics> found = statistics.at(new Site(module, Role.INPUT));
                if (found.isPresent() && found.get().amax() > 0) {
                    amax[count++] = found.get().amax();
                }
            }
            if (count == 0) {
                return Optional.empty();
            }
            float[] sorted = Arrays.copyOf(amax, count);
            Arrays.sort(sorted);
            double largest = sorted[count - 1];
            return Optional.of(new Spread(count, amax.length, largest / sorted[count / 2], largest / sorted[0]));
        }
    }

    /// Asks an engine about every mixture-of-experts layer.
    public static ServingPlan of(
            Decoder decoder,
            QuantizationConfig quantization,
            Optional<Plan> plan,
            Question question,
            Optional<Statistics> statistics) {
        List<ServedLayer> result = ServedLayer.of(decoder, quantization, plan, question.deployment());
        List<ServedLayer> source = ServedLayer.of(decoder, quantization, Optional.empty(), question.deployment());
        FakeQuantLaunch launch = launch(source, plan, question);
        return new ServingPlan(
                question.oracle().catalogue().label(),
                question.device().label(),
                question.device().sortedLibraries(),
                answers(result, question, statistics),
                answers(source, question, statistics),
                launch.flags(),
                launch.complete(),
                launch.advice(),
                unused(question.preference(), Stream.concat(result.stream(), source.stream())),
                new ShardChecks(quantization, plan, question.deployment()).problems(decoder));
    }

    private static List<String> unused(Preference preference, Stream<ServedLayer> layers) {
        Set<String> formats = layers.map(served -> served.layer().format()).collect(Collectors.toSet());
        return preference.perFormat().entrySet().stream()
                .filter(asked -> !formats.contains(asked.getKey()))
                .map(asked -> "%s %s"
                        .formatted(asked.getValue().source(), asked.getValue().name()))
                .sorted()
                .toList();
    }

    private static List<Layer> answers(List<ServedLayer> layers, Question question, Optional<Statistics> statistics) {
        return layers.stream()
                .map(layer -> answer(layer, question.oracle().select(request(layer, question)), statistics))
                .toList();
    }

    private static SelectionRequest request(ServedLayer layer, Question question) {
        MoeLayer asked = layer.layer();
        return new SelectionRequest(
                question.lora() ? asked.withTraits(asked.traits().withLora(true)) : asked,
                question.device(),
                question.deployment(),
                question.preference(),
                false,
                false,
                Assumptions.none());
    }

    /// Fake quantization runs the checkpoint as it is; the recipe says which inputs it must see.
    private static FakeQuantLaunch launch(List<ServedLayer> source, Optional<Plan> plan, Question question) {
        Map<MoeLayer, SelectionRequest> different = new LinkedHashMap<>();
        Set<String> disabled = new LinkedHashSet<>();
        for (ServedLayer layer : source) {
            different.putIfAbsent(layer.layer(), request(layer, question));
            if (plan.isPresent()) {
                disabled.add(layer.layer().format());
            }
        }
        for (ServedLayer layer : source) {
            if (plan.isPresent() && measures(plan.get(), layer)) {
                disabled.remove(layer.layer().format());
            }
        }
        return FakeQuantLaunch.plan(question.oracle(), List.copyOf(different.values()), disabled);
    }

    private static boolean measures(Plan plan, ServedLayer served) {
        return served.w2().stream()
                .anyMatch(module -> plan.format(new Site(module, Role.INPUT)).isPresent());
    }

    private static Layer answer(ServedLayer served, Decision decision, Optional<Statistics> statistics) {
        Optional<Selection> selection = decision instanceof Selection s ? Optional.of(s) : Optional.empty();
        Optional<Refusal> refusal = decision instanceof Refusal r ? Optional.of(r) : Optional.empty();
        Map<String, Spread> spread = new LinkedHashMap<>();
        statistics.ifPresent(all -> {
            Spread.of(all, served.w13()).ifPresent(found -> spread.put("w13", found));
            Spread.of(all, served.w2()).ifPresent(found -> spread.put("w2", found));
        });
        return new Layer(
                served.index(),
                served.prefix(),
                served.label(),
                served.layer().format(),
                selection.map(Selection::backend).orElse(null),
                selection.flatMap(Selection::experts).orElse(null),
                refusal.map(r -> r.kind().label()).orElse(null),
                refusal.map(Refusal::reason).orElse(null),
                decision.choice().map(Choice::source).orElse("auto"),
                selection.map(s -> s.w13Input().label()).orElse(null),
                selection.map(s -> s.w2Input().label()).orElse(null),
                selection.map(Selection::inputScales).map(InputScales::word).orElse(null),
                spread,
                decision.rejected().stream().map(Rejection::label).toList(),
                served.problems(),
                decision.notes());
    }

    /// Returns whether the engine serves every layer and reads it as it is meant.
    public boolean served() {
        return problems.isEmpty() && layers.stream().noneMatch(Layer::refused);
    }

    /// Returns whether the statistics have an input amax of any expert.
    public boolean hasSpread() {
        return sourceLayers.stream().anyMatch(layer -> !layer.spread().isEmpty());
    }

    /// Returns the layers of the checkpoint as it is, which is what a fake-quantised engine runs, by the experts' name.
    Map<String, Layer> byExperts() {
        Map<String, Layer> byName = new LinkedHashMap<>();
        sourceLayers.forEach(layer -> byName.put(layer.experts(), layer));
        return byName;
    }
}
