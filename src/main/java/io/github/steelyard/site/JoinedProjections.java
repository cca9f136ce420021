package io.github.steelyard.site;

import java.util.List;

/// [ModuleInfo#joined] of modules that are known by the names of their tensors alone.
public final class JoinedProjections {

    private static final List<List<String>> JOINED = List.of(
            List.of("q_proj", "k_proj", "v_proj"),
            List.of("gate_proj", "up_proj"),
            List.of("w1", "w3"),
            List.of("q_a_proj", "kv_a_proj_with_mqa"),
            List.of("in_proj_qkv", "in_proj_z"),
            List.of("in_proj_b", "in_proj_a"));

    private JoinedProjections() {}

    /// Returns the names of the modules that a server joins with `module`, itself included, in their order there; the
    /// module alone if it is joined with none. Whether a model has all of them is for the caller to ask.
    public static List<String> of(String module) {
        int leaf = module.lastIndexOf('.') + 1;
        String own = module.substring(leaf);
        return JOINED.stream()
                .filter(names -> names.contains(own))
                .findFirst()
                .map(names -> names.stream()
                        .map(name -> module.substring(0, leaf) + name)
                        .toList())
                .orElse(List.of(module));
    }
}
