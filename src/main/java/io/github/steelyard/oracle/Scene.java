package io.github.steelyard.oracle;

/// What conditions are evaluated against: a request with the quantisation keys in effect for one candidate.
///
/// @param request the question
/// @param weight weight key in effect
/// @param input input key in effect
record Scene(SelectionRequest request, String weight, String input) {

    MoeLayer layer() {
        return request.layer();
    }

    Device device() {
        return request.device();
    }

    Deployment deployment() {
        return request.deployment();
    }

    /// Returns whether there is an input key: inputs are quantised.
    boolean requestsInput() {
        return !input.equals(MoeLayer.NONE);
    }

    Scene withInput(String other) {
        return new Scene(request, weight, other);
    }

    String environment(String name) {
        return request.preference().environment().getOrDefault(name, "");
    }
}
