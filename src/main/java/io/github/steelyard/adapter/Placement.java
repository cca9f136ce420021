package io.github.steelyard.adapter;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.site.ExpertPart;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.FusedStack;
import io.github.steelyard.weights.LowRank;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntFunction;

/// Finds for each pair of matrices of an adapter the module of the model that it adapts, and for each module that the
/// config names its pair.
final class Placement {

    /// How PEFT names the module inside one of its own: of parameters of one module, each is wrapped around the others.
    private static final String INNER = ".base_layer";

    private final AdapterConfig config;
    private final Pairs pairs;
    private final Path file;
    private final List<ModuleInfo> modules;
    private final Naming naming;
    private final Map<String, Group> groups = new LinkedHashMap<>(); // by relative name
    private final Map<String, Adapter.Factors> byModule = new HashMap<>();
    private final Set<String> parametersFound = new TreeSet<>(); // full names
    private final Set<String> names = new TreeSet<>(); // of all pairs, as ranks are looked up

    /// The experts of a layer, whose weights a model class keeps in one parameter for each product.
    ///
    /// @param modules products of the experts
    private record Group(List<ModuleInfo> modules) {

        private int experts() {
            return 1
                    + modules.stream()
                            .mapToInt(module -> part(module).index())
                            .max()
                            .orElseThrow();
        }

        private boolean isGated() {
            return modules.stream().anyMatch(module -> part(module).product() == ExpertPart.Product.GATE);
        }

        /// Returns the parameters in the order in which model classes have them.
        private List<String> parameters() {
            return List.of(isGated() ? "gate_up_proj" : "up_proj", "down_proj");
        }

        private List<ModuleInfo> of(String parameter) {
            return modules.stream()
                    .filter(module -> part(module).product().isSecond() == parameter.equals("down_proj"))
                    .toList();
        }

        private static ExpertPart part(ModuleInfo module) {
            return module.expert().orElseThrow();
        }
    }

    Placement(AdapterConfig config, Pairs pairs, Path file, List<ModuleInfo> modules) {
        this.config = config;
        this.pairs = pairs;
        this.file = file;
        this.modules = modules;
        this.naming = new Naming(modules);
        modules.stream()
                .filter(ModuleInfo::isExpert)
                .forEach(module -> groups.computeIfAbsent(
                                Naming.relative(module.expert().orElseThrow().group()),
                                absent -> new Group(new ArrayList<>()))
                        .modules
                        .add(module));
    }

    /// Returns what is added, by module.
    ///
    /// @throws CheckpointException if a pair adapts nothing, or has other extents than it must have, or if something
    /// that is to be adapted has none
    Map<String, Adapter.Factors> place() {
        SortedMap<String, SortedMap<Integer, Pairs.Pair>> stacks = new TreeMap<>(); // by owner and depth
        pairs.byModule().forEach((name, pair) -> {
            Optional<ModuleInfo> module = naming.module(name);
            String owner = name;
            int depth = 0;
            while (owner.endsWith(INNER)) {
                owner = owner.substring(0, owner.length() - INNER.length());
                depth++;
            }
            if (module.isPresent()) {
                placeLinear(name, module.get(), pair);
            } else if (naming.isText(owner) && groups.containsKey(Naming.relative(owner))) {
                stacks.computeIfAbsent(owner, absent -> new TreeMap<>()).put(depth, pair);
            } else {
                throw unplaced(pair, "the model has no linear layer %s".formatted(Printable.quoted(name)));
            }
        });
        stacks.forEach(this::placeStacks);
        requireComplete();
        return Map.copyOf(byModule);
    }

    /// Returns the weights that are there beside pairs, by module.
    ///
    /// @throws CheckpointException if one is of no adapted head, or has other extents
    Map<ModuleInfo, Pairs.Stored> heads() {
        Map<ModuleInfo, Pairs.Stored> found = new HashMap<>();
        pairs.heads().forEach((name, weight) -> {
            ModuleInfo head = naming.module(name)
                    .filter(module -> byModule.containsKey(module.name()))
                    .orElseThrow(() -> new CheckpointException(
                            file,
                            "tensor %s: wanted its lora_A and lora_B beside it, found none"
                                    .formatted(Printable.quoted(weight.tensor().name()))));
            pairs.require(weight, Shape.of(head.rows(), head.columns()));
            found.put(head, weight);
        });
        return found;
    }

    private CheckpointException unplaced(Pairs.Pair pair, String why) {
        return new CheckpointException(
                file,
                "tensor %s: %s".formatted(Printable.quoted(pair.a().tensor().name()), why));
    }

    private void put(ModuleInfo module, Pairs.Pair pair, int rank, IntFunction<LowRank> matrices) {
        if (byModule.put(module.name(), new Adapter.Factors(rank, matrices)) != null) {
            throw unplaced(pair, "%s is adapted twice".formatted(module.name()));
        }
    }

    private void placeLinear(String name, ModuleInfo module, Pairs.Pair pair) {
        String parameter = name + ".weight";
        boolean isHead = module.kind() == ModuleInfo.Kind.HEAD;
        boolean asModule = config.targets().include(name, isHead);
        if (!asModule && !config.targetsParameter(parameter)) {
            throw unplaced(pair, "%s does not name %s".formatted(config.file().getFileName(), Printable.quoted(name)));
        }
        String described = asModule ? name : parameter;
        if (!asModule) {
            parametersFound.add(parameter);
        }
        names.add(described);
        int rank = config.rankOf(described);
        pairs.require(pair, Shape.of(rank, module.columns()), Shape.of(module.rows(), rank));
        float scale = config.scaleOf(described);
        put(
                module,
                pair,
                rank,
                variant -> new LowRank(variant, pair.a().values(), pair.b().values(), scale));
    }

    /// Places the pairs of the parameters of one module. The wrapper of the last parameter is the outermost.
    private void placeStacks(String owner, SortedMap<Integer, Pairs.Pair> byDepth) {
        Group group = Objects.requireNonNull(groups.get(Naming.relative(owner)));
        List<String> adapted = group.parameters().stream()
                .filter(parameter -> config.targetsParameter(owner + "." + parameter))
                .toList();
        byDepth.forEach((depth, pair) -> {
            if (depth >= adapted.size()) {
                throw unplaced(
                        pair,
                        "wanted pairs for the parameters of %s that target_parameters names, %s; found one more"
                                .formatted(Printable.quoted(owner), adapted));
            }
        });
        for (int i = 0; i < adapted.size(); i++) {
            Pairs.Pair pair = byDepth.get(adapted.size() - 1 - i);
            String parameter = owner + "." + adapted.get(i);
            if (pair == null) {
                throw missing(parameter);
            }
            parametersFound.add(parameter);
            names.add(parameter);
            placeStack(group, adapted.get(i), parameter, pair);
        }
    }

    private void placeStack(Group group, String leaf, String parameter, Pairs.Pair pair) {
        List<ModuleInfo> members = group.of(leaf);
        int experts = group.experts();
        int columns = members.getFirst().columns();
        int rows = members.stream()
                .filter(module -> Group.part(module).index() == 0)
                .mapToInt(ModuleInfo::rows)
                .sum();
        int rank = config.rankOf(parameter);
        boolean turned = isTurned(parameter, members.getFirst(), pair, rows, columns);
        long ranks = (long) rank * experts;
        pairs.require(pair, Shape.of(ranks, turned ? rows : columns), Shape.of(turned ? columns : rows, ranks));
        StackedPair stack = new StackedPair(pair, experts, rank, turned, config.scaleOf(parameter));
        for (ModuleInfo module : members) {
            FusedStack.Part part = part(group, module);
            put(
                    module,
                    pair,
                    rank,
                    variant -> stack.of(variant, Group.part(module).index(), part, module.rows(), module.columns()));
        }
    }

    private static FusedStack.Part part(Group group, ModuleInfo module) {
        return module.stacked().map(FusedStack.Member::part).orElseGet(() -> switch (Group.part(module)
                .product()) {
            case GATE -> FusedStack.Part.FIRST_HALF;
            case UP -> group.isGated() ? FusedStack.Part.SECOND_HALF : FusedStack.Part.ALL;
            case DOWN -> FusedStack.Part.ALL;
        });
    }

    /// Returns whether a pair is stored turned. Its extents tell, unless the matrix is square; then the version of PEFT
    /// does, but for those that knew of parameters with outputs first only where transformers had patched them.
    private boolean isTurned(String parameter, ModuleInfo module, Pairs.Pair pair, int rows, int columns) {
        if (rows != columns) {
            return pair.b().shape().dim(0) == columns;
        }
        boolean inputsFirst = module.stacked().isPresent();
        boolean knows =
                config.version().filter(version -> version.isAtLeast(0, 19, 1)).isPresent();
        boolean naive =
                config.version().filter(version -> version.isAtLeast(0, 19, 0)).isEmpty();
        if (!knows && !(naive && inputsFirst)) {
            throw unplaced(
                    pair,
                    "%s is square, and PEFT below 0.19.1 stored such a one in either of two ways; save it with a later one"
                            .formatted(Printable.quoted(parameter)));
        }
        return false;
    }

    private CheckpointException missing(String name) {
        return new CheckpointException(
                file,
                "wanted tensors for %s, which %s names, found none"
                        .formatted(Printable.quoted(name), config.file().getFileName()));
    }

    /// Refuses a name in the config that is nothing's, and what it names but the file has not. The products of single
    /// experts and routers are exempt: whether they are modules depends on the class that was trained.
    private void requireComplete() {
        String root = pairs.byModule().keySet().stream()
                .map(Naming::rootOf)
                .filter(found -> !found.isEmpty())
                .findFirst()
                .orElse("model");
        Set<String> possible = new TreeSet<>(pairs.byModule().keySet());
        for (ModuleInfo module : modules) {
            String name = Naming.under(root, module.name());
            possible.add(name);
            boolean optional = module.isExpert() || module.kind() == ModuleInfo.Kind.ROUTER;
            if (!optional
                    && !byModule.containsKey(module.name())
                    && config.targets().include(name, module.kind() == ModuleInfo.Kind.HEAD)) {
                throw missing(name);
            }
        }
        groups.forEach((relative, group) -> group.parameters().stream()
                .map(parameter -> root + "." + relative + "." + parameter)
                .filter(config::targetsParameter)
                .filter(parameter -> !parametersFound.contains(parameter))
                .findFirst()
                .ifPresent(parameter -> {
                    throw missing(parameter);
                }));
        refuseUnused("target_modules", config.targets().withoutEffect(possible));
        refuseUnused("target_parameters", Targets.unused(config.parameters(), parametersFound));
        refuseUnused("rank_pattern", config.unusedRanks(names));
        refuseUnused("alpha_pattern", config.unusedAlphas(names));
    }

    private void refuseUnused(String key, List<String> unused) {
        if (!unused.isEmpty()) {
            throw new CheckpointException(
                    config.file(), "%s: nothing that is adapted matches %s".formatted(key, Printable.list(unused)));
        }
    }
}
