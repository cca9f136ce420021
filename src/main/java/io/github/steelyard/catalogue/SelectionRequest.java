package io.github.steelyard.catalogue;

/// One question to the oracle: which backend serves this layer?
///
/// @param layer the layer
/// @param device the device
/// @param deployment how the model is spread
/// @param preference what the user asked for
/// @param strict whether to reproduce the engine even where we deliberately differ (`docs/ODDITIES.md`)
/// @param requiresVisibleW2Input whether the tensor between the two expert products must be observable
/// @param assumptions verdicts taken as given
public record SelectionRequest(
        MoeLayer layer,
        Device device,
        Deployment deployment,
        Preference preference,
        boolean strict,
        boolean requiresVisibleW2Input,
        Assumptions assumptions) {

    /// A question without preference on one device.
    public static SelectionRequest of(MoeLayer layer, Device device) {
        return new SelectionRequest(
                layer, device, Deployment.single(), Preference.none(), false, false, Assumptions.none());
    }

    /// The same question about another deployment.
    public SelectionRequest withDeployment(Deployment other) {
        return new SelectionRequest(layer, device, other, preference, strict, requiresVisibleW2Input, assumptions);
    }

    /// The same question with another preference.
    public SelectionRequest withPreference(Preference other) {
        return new SelectionRequest(layer, device, deployment, other, strict, requiresVisibleW2Input, assumptions);
    }

    /// The same question, strict or not.
    public SelectionRequest withStrict(boolean other) {
        return new SelectionRequest(layer, device, deployment, preference, other, requiresVisibleW2Input, assumptions);
    }

    /// The same question, with the w2 input required to be observable or not.
    public SelectionRequest withVisibleW2Input(boolean required) {
        return new SelectionRequest(layer, device, deployment, preference, strict, required, assumptions);
    }
}
