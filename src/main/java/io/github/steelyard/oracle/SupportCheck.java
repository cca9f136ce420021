package io.github.steelyard.oracle;

import io.github.steelyard.catalogue.Catalogue;
import io.github.steelyard.catalogue.ExpertClass;
import io.github.steelyard.catalogue.MoeLayer;
import io.github.steelyard.catalogue.Scene;
import io.github.steelyard.catalogue.Visibility;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/// Whether one expert class supports one layer. The checks run in the engine's order, and the first that fails gives
/// the reason: own checks before, device, gate, activation, scheme, deployment, routing, router dtype, shape, row
/// format, batch invariance, LoRA, own checks after. A required visible w2 input is ours and comes last.
final class SupportCheck {

    private final Catalogue catalogue;
    private final boolean batched;
    private final boolean batchInvariant;

    /// @param batched whether rows arrive batched
    /// @param batchInvariant whether results must not depend on the batch
    SupportCheck(Catalogue catalogue, boolean batched, boolean batchInvariant) {
        this.catalogue = catalogue;
        this.batched = batched;
        this.batchInvariant = batchInvariant;
    }

    /// Returns why `expert` does not support the layer of `scene`; empty when it does.
    Optional<String> refusal(ExpertClass expert, Scene scene) {
        Optional<Boolean> assumed = scene.request().assumptions().verdict(expert.name());
        if (assumed.isPresent()) {
            return assumed.get() ? Optional.empty() : Optional.of("it is assumed to support nothing");
        }
        return first(expert.before(), scene)
                .or(() -> common(expert, scene))
                .or(() -> first(expert.after(), scene))
                .map(reason -> expert.hinted(reason, scene))
                .or(() -> w2Input(expert, scene));
    }

    private Optional<String> common(ExpertClass expert, Scene scene) {
        MoeLayer layer = scene.layer();
        if (!allOf(expert, part -> runsOn(part, scene))) {
            return unsupported("current device %s".formatted(scene.device().label()));
        }
        if (!layer.gated() && !allOf(expert, ExpertClass::nonGated)) {
            return unsupported("no act_and_mul MLP layer");
        }
        if (!allOf(expert, part -> part.knows(scene))) {
            return unsupported("%s activation".formatted(layer.activation()));
        }
        if (!allOf(expert, part -> part.covers(scene))) {
            return unsupported("quantization scheme %s x %s".formatted(scene.weight(), scene.input()));
        }
        if (!allOf(expert, part -> part.parallel().holds(scene))) {
            return unsupported("parallel config %s".formatted(scene.deployment().label()));
        }
        if (!expert.routing().holds(scene)) {
            return unsupported("routing method %s".formatted(layer.router().method()));
        }
        if (!expert.logits().holds(scene)) {
            return unsupported("router logits dtype %s".formatted(layer.router().logits()));
        }
        if (!expert.shape().holds(scene)) {
            return unsupported(String.format(
                    Locale.ROOT, "%d hidden dim is not supported", layer.size().hidden()));
        }
        if (batched != expert.batched()) {
            return unsupported("%s activation format".formatted(batched ? "batched_experts" : "standard"));
        }
        if (batchInvariant && !expert.batchInvariant()) {
            return unsupported("batch invariance");
        }
        return layer.traits().lora() && !expert.lora() ? unsupported("LoRA") : Optional.empty();
    }

    private static boolean runsOn(ExpertClass expert, Scene scene) {
        return expert.device().holds(scene) || scene.request().assumptions().deviceAssumed(expert.name());
    }

    /// Tests the class itself, or both of the classes that it chooses between at run time.
    private boolean allOf(ExpertClass expert, Predicate<ExpertClass> test) {
        return expert.both().isEmpty()
                ? test.test(expert)
                : expert.both().stream().map(catalogue::experts).allMatch(test);
    }

    private static Optional<String> first(List<ExpertClass.Check> checks, Scene scene) {
        return checks.stream()
                .filter(check -> !check.require().holds(scene))
                .findFirst()
                .map(check -> fill(check.reason(), scene));
    }

    private static Optional<String> w2Input(ExpertClass expert, Scene scene) {
        Visibility visibility = expert.w2Input(scene);
        return scene.request().requiresVisibleW2Input() && !visibility.observable()
                ? unsupported("a visible w2 input: it is " + visibility.label())
                : Optional.empty();
    }

    private static Optional<String> unsupported(String what) {
        return Optional.of("kernel does not support " + what);
    }

    /// The engine's messages write `None` where a tensor is not quantised.
    private static String engineKey(String key) {
        return key.equals(MoeLayer.NONE) ? "None" : key;
    }

    /// Fills a message's `{…}` with the facts of a scene.
    static String fill(String message, Scene scene) {
        MoeLayer layer = scene.layer();
        return Messages.fill(
                message,
                Map.of(
                        "experts", Integer.toString(layer.size().experts()),
                        "hidden", Integer.toString(layer.size().hidden()),
                        "intermediate", Integer.toString(layer.size().intermediate()),
                        "activation", layer.activation(),
                        "dtype", layer.dtype(),
                        "weight", engineKey(scene.weight()),
                        "input", engineKey(scene.input()),
                        "swiglu-limit",
                                layer.clamp().limit().isPresent()
                                        ? Double.toString(layer.clamp().limit().getAsDouble())
                                        : MoeLayer.NONE));
    }
}
