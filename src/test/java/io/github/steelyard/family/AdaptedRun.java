package io.github.steelyard.family;

import io.github.steelyard.adapter.Adapters;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.model.Linear;
import io.github.steelyard.site.ExpertPart.Product;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.testing.SmallAdapter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// Passes with adapters, and adapters for all of a model.
final class AdaptedRun {

    private AdaptedRun() {}

    /// Runs the model without and with adapters, all in one pass: `prompts` for the model as it is, then for each
    /// adapter in the order of names.
    static ForwardRun of(Path directory, List<int[]> prompts, ForwardRun.Options options, List<Path> adapters) {
        return of(directory, prompts, options, adapters, true);
    }

    /// Runs the model with one adapter alone.
    static ForwardRun adapted(Path directory, List<int[]> prompts, ForwardRun.Options options, Path adapter) {
        return of(directory, prompts, options, List.of(adapter), false);
    }

    private static ForwardRun of(
            Path directory, List<int[]> prompts, ForwardRun.Options options, List<Path> adapters, boolean withBase) {
        List<ModuleInfo> modules = linears(directory);
        int first = withBase ? 1 : 0;
        int copies = first + adapters.size();
        List<int[]> all = Collections.nCopies(copies, prompts).stream()
                .flatMap(List::stream)
                .toList();
        try (Adapters opened = Adapters.open(adapters, modules)) {
            return ForwardRun.of(directory, all, options, copies, (weights, decoder) -> opened.over(weights, first));
        }
    }

    static List<ModuleInfo> linears(Path directory) {
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            return Families.of(checkpoint).linears().stream().map(Linear::info).toList();
        }
    }

    /// Returns an adapter of every linear layer but the head and the experts.
    static SmallAdapter ofLinears(Path directory, long seed) {
        SmallAdapter adapter = new SmallAdapter(seed, 3, 6).config(json -> json.put("target_modules", "all-linear"));
        linears(directory).stream()
                .filter(module -> !module.isExpert() && module.kind() != ModuleInfo.Kind.HEAD)
                .forEach(module -> adapter.linear(module.name(), module));
        return adapter;
    }

    /// Adapts the products of all experts, each as a module of its own.
    static SmallAdapter withExperts(SmallAdapter adapter, Path directory) {
        linears(directory).stream()
                .filter(ModuleInfo::isExpert)
                .forEach(module -> adapter.linear(module.name(), module));
        return adapter;
    }

    /// Adapts the parameters that hold all experts of a layer.
    static SmallAdapter withStacks(SmallAdapter adapter, Path directory, boolean interleaved, boolean turned) {
        Map<String, Map<Integer, List<ModuleInfo>>> layers = new TreeMap<>();
        for (ModuleInfo module : linears(directory)) {
            module.expert()
                    .ifPresent(part -> layers.computeIfAbsent(part.group(), absent -> new TreeMap<>())
                            .computeIfAbsent(part.index(), absent -> new ArrayList<>())
                            .add(module));
        }
        layers.forEach((group, experts) -> {
            String owner = group.replace(".block_sparse_moe.", ".mlp.");
            adapter.stack(owner + ".base_layer", products(experts, false), interleaved, turned);
            adapter.stack(owner, products(experts, true), interleaved, turned);
        });
        boolean gated = linears(directory).stream()
                .anyMatch(module -> module.expert()
                        .map(part -> part.product() == Product.GATE)
                        .orElse(false));
        return adapter.config(json -> json.putArray("target_parameters")
                .add(gated ? "experts.gate_up_proj" : "experts.up_proj")
                .add("experts.down_proj"));
    }

    private static List<List<ModuleInfo>> products(Map<Integer, List<ModuleInfo>> experts, boolean second) {
        return experts.values().stream()
                .map(modules -> modules.stream()
                        .filter(module -> Optional.of(module)
                                        .flatMap(ModuleInfo::expert)
                                        .orElseThrow()
                                        .product()
                                        .isSecond()
                                == second)
                        .toList())
                .toList();
    }
}
