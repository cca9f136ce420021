package io.github.steelyard.catalogue;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/// One expert class of an engine: what its kernel needs, and whether it shows the tensor between the two products.
///
/// @param name the class's name in the engine
/// @param both two classes that must both support device, activation, scheme and deployment; empty for most
/// @param device the devices it runs on
/// @param nonGated whether it runs experts without a gate
/// @param activations the activations it knows
/// @param furtherActivations activations that it knows under a condition
/// @param schemes pairs of weight and input keys
/// @param parallel the deployments it runs in
/// @param routing the routing methods it runs, for kernels that route themselves
/// @param logits the router's dtypes it takes, for kernels that route themselves
/// @param shape the shapes it takes
/// @param batched whether its rows are grouped by expert and padded, as low-latency exchanges deliver them
/// @param monolithic whether it routes by itself and so takes the router's logits
/// @param batchInvariant whether its results do not depend on the batch
/// @param lora whether it applies LoRA adapters
/// @param before checks of this class before the common ones
/// @param after checks of this class after the common ones
/// @param hints what is added to a reason, such as how to switch the kernel on
/// @param w2Input whether the w2 input is observable: the first rule whose condition holds
public record ExpertClass(
        String name,
        List<String> both,
        Condition device,
        boolean nonGated,
        Set<String> activations,
        List<FurtherActivations> furtherActivations,
        List<Scheme> schemes,
        Condition parallel,
        Condition routing,
        Condition logits,
        Condition shape,
        boolean batched,
        boolean monolithic,
        boolean batchInvariant,
        boolean lora,
        List<Check> before,
        List<Check> after,
        List<Hint> hints,
        List<W2Rule> w2Input) {

    /// Activations that a class knows under a condition.
    ///
    /// @param names activations
    /// @param when the condition under which they are known
    public record FurtherActivations(Set<String> names, Condition when) {}

    /// Pairs of quantisation keys that a class computes with.
    ///
    /// @param weights weight keys, or `any`
    /// @param inputs input keys, or `any`
    /// @param when the devices for which the pairs hold
    public record Scheme(List<String> weights, List<String> inputs, Condition when) {

        private static final String ANY = "any";

        /// Returns whether the pair in `scene` is one of these.
        public boolean covers(Scene scene) {
            return (weights.contains(scene.weight()) || weights.contains(ANY))
                    && (inputs.contains(scene.input()) || inputs.contains(ANY))
                    && when.holds(scene);
        }
    }

    /// A condition that a class asks for.
    ///
    /// @param require what must hold
    /// @param reason what is said when it does not
    public record Check(Condition require, String reason) {}

    /// A sentence that helps when a class is refused.
    ///
    /// @param when when the hint helps
    /// @param text a sentence without its full stop
    public record Hint(Condition when, String text) {}

    /// Whether the w2 input is observable, under a condition.
    ///
    /// @param when when this rule decides
    /// @param visibility the verdict
    public record W2Rule(Condition when, Visibility visibility) {}

    /// Returns a reason with the hints that help.
    public String hinted(String reason, Scene scene) {
        return hints.stream()
                .filter(hint -> hint.when().holds(scene))
                .map(hint -> ". " + hint.text())
                .collect(Collectors.joining("", reason, ""));
    }

    /// Returns whether the class computes the activation in `scene`.
    public boolean knows(Scene scene) {
        String activation = scene.layer().activation();
        return activations.contains(activation)
                || furtherActivations.stream()
                        .anyMatch(further -> further.names().contains(activation)
                                && further.when().holds(scene));
    }

    /// Returns whether the class computes with the keys in `scene`.
    public boolean covers(Scene scene) {
        return schemes.stream().anyMatch(scheme -> scheme.covers(scene));
    }

    /// Returns whether the w2 input is observable in `scene`.
    public Visibility w2Input(Scene scene) {
        return w2Input.stream()
                .filter(rule -> rule.when().holds(scene))
                .findFirst()
                .map(W2Rule::visibility)
                .orElseGet(() -> new Visibility(Visibility.Degree.UNKNOWN, "the catalogue does not say"));
    }

    /// Returns whether the w13 input is observable.
    public Visibility w13Input() {
        return monolithic
                ? new Visibility(
                        Visibility.Degree.LAYER_INPUT,
                        "the kernel routes by itself: the layer's input is seen, which expert takes which row is not")
                : new Visibility(Visibility.Degree.MATERIALISED, "");
    }
}
