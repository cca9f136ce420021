package io.github.steelyard.site;

/// A place where a quantizer may sit.
///
/// @param module the module's name in the published checkpoint, for example `model.layers.0.mlp.experts.3.down_proj`;
///     for the key and value cache the attention module, `model.layers.0.self_attn`
/// @param role which tensor of that module
public record Site(String module, Role role) implements Comparable<Site> {

    /// Returns the full quantizer name, `module` and quantizer joined by a dot: what recipes match and `stats` prints.
    public String name() {
        return module + "." + role.quantizer();
    }

    /// Orders by [#name], digits as text.
    @Override
    public int compareTo(Site other) {
        return name().compareTo(other.name());
    }

    @Override
    public String toString() {
        return name();
    }
}
