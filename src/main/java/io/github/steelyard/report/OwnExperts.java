package io.github.steelyard.report;

import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.catalogue.Deployment;
import io.github.steelyard.dialect.QuantizationConfig;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.oracle.Decision;
import io.github.steelyard.oracle.OwnBackends;
import io.github.steelyard.oracle.Refusal;
import io.github.steelyard.oracle.Selection;
import io.github.steelyard.work.ExpertBackend;
import java.util.Optional;

/// How the experts of a model are computed in this process: what [OwnBackends] selects for its layers.
public final class OwnExperts {

    private final Decoder decoder;
    private final QuantizationConfig quantization;

    /// @param decoder the model
    /// @param quantization what its checkpoint declares
    public OwnExperts(Decoder decoder, QuantizationConfig quantization) {
        this.decoder = decoder;
        this.quantization = quantization;
    }

    /// Selects the backend for every layer.
    ///
    /// @param choice what the user asked for, and where
    /// @param requiresVisibleW2Input whether a tap must see the tensor between the two products
    /// @throws IllegalArgumentException with the refusal, its source included, if a layer cannot be computed so
    public ExpertBackend backend(Optional<Choice> choice, boolean requiresVisibleW2Input) {
        OwnBackends own = OwnBackends.bundled();
        return ServedLayer.of(decoder, quantization, Optional.empty(), Deployment.single()).stream()
                .map(served -> implementation(own.select(served.layer(), choice, requiresVisibleW2Input)))
                .distinct()
                .reduce((one, other) -> {
                    throw new IllegalArgumentException(
                            "the layers need different backends, %s and %s".formatted(one, other));
                })
                .orElse(ExpertBackend.DECOMPOSED); // no experts: the word means nothing
    }

    private static ExpertBackend implementation(Decision decision) {
        return switch (decision) {
            case Refusal refusal -> throw new IllegalArgumentException(refusal.reason());
            case Selection selection ->
                OwnBackends.implementation(selection)
                        .orElseThrow(() -> new IllegalArgumentException(
                                "backend %s computes rows that an exchange between ranks delivers; this process has one rank [requested by %s]"
                                        .formatted(
                                                selection.backend(),
                                                selection
                                                        .choice()
                                                        .map(Choice::source)
                                                        .orElse("nobody"))));
        };
    }
}
