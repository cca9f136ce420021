package io.github.steelyard.site;

import java.util.Optional;

/// A place where a quantizer may sit.
///
/// @param module the module's name in the published checkpoint, for example `model.layers.0.mlp.experts.3.down_proj`;
///     for the key and value cache the attention module, `model.layers.0.self_attn`
/// @param role which tensor of that module
public record Site(String module, Role role) implements Comparable<Site> {

    /// Returns the site of a [#name], empty if it names none.
    public static Optional<Site> named(String name) {
        int dot = name.lastIndexOf('.');
        for (Role role : Role.values()) {
            if (dot > 0 && name.substring(dot + 1).equals(role.quantizer())) {
                return Optional.of(new Site(name.substring(0, dot), role));
            }
        }
        return Optional.empty();
    }

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
