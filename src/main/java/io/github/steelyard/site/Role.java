package io.github.steelyard.site;

/// Which tensor of a module a quantizer sits on, with ModelOpt's name for that quantizer.
public enum Role {
    INPUT("input_quantizer"),
    WEIGHT("weight_quantizer"),
    /// What a linear module gives, its bias included.
    OUTPUT("output_quantizer"),
    KEY("k_bmm_quantizer"),
    VALUE("v_bmm_quantizer"),
    /// The latent that a server caches in place of keys and values.
    LATENT("kv_c_bmm_quantizer"),
    /// The rotated key that all heads share, cached beside the latent.
    ROTATED_KEY("k_pe_bmm_quantizer");

    private final String quantizer;

    Role(String quantizer) {
        this.quantizer = quantizer;
    }

    /// Returns ModelOpt's name of the quantizer in this role.
    public String quantizer() {
        return quantizer;
    }
}
