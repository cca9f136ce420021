package io.github.steelyard.catalogue;

/// What conditions are evaluated against: a request with the quantisation keys in effect for one candidate.
///
/// @param request the question
/// @param weight weight key in effect
/// @param input input key in effect
public record Scene(SelectionRequest request, String weight, String input) {

    /// Returns the layer asked about.
    public MoeLayer layer() {
        return request.layer();
    }

    /// Returns the device asked about.
    public Device device() {
        return request.device();
    }

    /// Returns how the model is spread.
    public Deployment deployment() {
        return request.deployment();
    }

    /// Returns whether there is an input key: inputs are quantised.
    public boolean requestsInput() {
        return !input.equals(MoeLayer.NONE);
    }

    /// The same scene with another input key.
    public Scene withInput(String other) {
        return new Scene(request, weight, other);
    }

    /// Returns the value of an environment variable, empty if it is not set.
    public String environment(String name) {
        return request.preference().environment().getOrDefault(name, "");
    }
}
