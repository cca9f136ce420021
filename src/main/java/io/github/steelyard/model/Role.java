package io.github.steelyard.model;

/// Which tensor of a module a quantizer sits on, with ModelOpt's name for that quantizer.
public enum Role {
    INPUT("input_quantizer"),
    WEIGHT("weight_quantizer"),
    KEY("k_bmm_quantizer"),
    VALUE("v_bmm_quantizer");

    private final String quantizer;

    Role(String quantizer) {
        this.quantizer = quantizer;
    }

    /// Returns ModelOpt's name of the quantizer in this role.
    public String quantizer() {
        return quantizer;
    }
}
