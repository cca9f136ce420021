package io.github.steelyard.export;

import io.github.steelyard.calibration.GateException;
import io.github.steelyard.calibration.PlannedWeights;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.census.SourceModule;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.declare.CompressedTensorsDeclaration;
import io.github.steelyard.declare.ExcludeList;
import io.github.steelyard.declare.ExportDeclaration;
import io.github.steelyard.declare.LauncherDeclaration;
import io.github.steelyard.declare.LauncherQuantizer;
import io.github.steelyard.declare.ModelOptDeclaration;
import io.github.steelyard.dialect.CompressedTensors;
import io.github.steelyard.dialect.ModelOpt;
import io.github.steelyard.dialect.ModuleFormat;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.dialect.TargetNames;
import io.github.steelyard.files.GroupedFindings;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.format.WeightEncoder;
import io.github.steelyard.layout.CacheExport;
import io.github.steelyard.layout.CachePlanner;
import io.github.steelyard.layout.Folding;
import io.github.steelyard.layout.LauncherPlanner;
import io.github.steelyard.layout.ModuleExport;
import io.github.steelyard.layout.ModuleExport.Treatment;
import io.github.steelyard.layout.ModulePlanner;
import io.github.steelyard.layout.OutputTensors;
import io.github.steelyard.layout.Refusal;
import io.github.steelyard.layout.StackPlanner;
import io.github.steelyard.layout.TensorContent;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.site.Role;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.weights.FusedStack;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/// Decides what an export writes.
final class ExportPlanner {

    /// Version of ModelOpt whose layout is written; servers read it as the producer's.
    static final String PRODUCER_VERSION = "0.47.0";

    private final ExportSource source;
    private final Plan plan;
    private final ScaleTable scales;

    ExportPlanner(ExportSource source, Plan plan, ScaleTable scales) {
        this.source = source;
        this.plan = plan;
        this.scales = scales;
    }

    /// Returns the plan.
    ///
    /// @throws GateException if something cannot be written; it names every such module
    ExportPlan plan() {
        List<Refusal> refusals = new ArrayList<>();
        ExportPlan exportPlan = plan(refusals);
        if (!refusals.isEmpty()) {
            throw new GateException(
                    "nothing is written", refusals.stream().map(Refusal::text).toList());
        }
        return exportPlan;
    }

    /// Returns the plan, without what cannot be written.
    ///
    /// @param refusals receives what cannot be written
    ExportPlan plan(List<Refusal> refusals) {
        List<SourceModule> sources = source.modules();
        List<ModuleExport> modules = modules(sources, refusals);
        GroupedFindings findings = new GroupedFindings();
        modules.forEach(module -> module.finding().ifPresent(findings::add));
        plan.decisions().stream()
                .filter(decision -> decision.site().role() == Role.OUTPUT
                        && decision.config().isPresent())
                .forEach(decision -> findings.warning(
                        "output-not-written",
                        decision.site().name(),
                        "quantizers of outputs are not written: %s's format has no place for them"
                                .formatted(plan.dialect().title())));
        CacheExport cache = new CachePlanner(plan.dialect(), source.weights(), refusals, findings)
                .plan(List.copyOf(plan.modules()), plan::format, scales);
        if (plan.recipe().export().format().isFakeQuantised()) {
            return folded(sources, modules, refusals, findings);
        }
        List<OutputTensors> tensors = tensors(sources, modules, cache, refusals);
        return new ExportPlan(modules, tensors, declaration(sources, modules, tensors, cache), findings.list());
    }

    private ExportPlan folded(
            List<SourceModule> sources, List<ModuleExport> modules, List<Refusal> refusals, GroupedFindings findings) {
        List<ModuleExport> folded = new Folding(new PlannedWeights(plan, scales)::encoder).of(sources, modules);
        CacheExport cache = Folding.withoutCache(source.decoder(), source.checkpoint());
        List<LauncherQuantizer> quantizers = new LauncherPlanner(source.decoder(), refusals, findings)
                .plan(ShippedQuantizers.of(source, plan, scales, modules));
        if (quantizers.isEmpty() && folded.stream().noneMatch(module -> module.treatment() == Treatment.FOLDED)) {
            refusals.add(new Refusal("quantize", "nothing is quantised: there is nothing to fake"));
        }
        return new ExportPlan(
                folded,
                tensors(sources, folded, cache, refusals),
                new LauncherDeclaration(quantizers, PRODUCER_VERSION),
                findings.list());
    }

    /// Returns what becomes of each module; one that cannot be written is copied.
    List<ModuleExport> modules() {
        return modules(source.modules(), new ArrayList<>());
    }

    private List<ModuleExport> modules(List<SourceModule> sources, List<Refusal> refusals) {
        Function<String, WeightEncoder> encoders = new PlannedWeights(plan, scales)::encoder;
        ModulePlanner planner =
                new ModulePlanner(plan.dialect(), sources, plan::scheme, plan::keepsWeight, scales, encoders, refusals);
        if (!plan.dialect().hasStacks()) {
            return unfused(sources, sources.stream().map(planner::plan).toList());
        }
        StackPlanner stacks = new StackPlanner(plan::scheme, scales, encoders, refusals);
        Map<String, List<SourceModule>> members = new HashMap<>();
        sources.forEach(module -> module.stack()
                .ifPresent(stack -> members.computeIfAbsent(stack.tensor(), absent -> new ArrayList<>())
                        .add(module)));
        Map<String, ModuleExport> stacked = members.values().stream()
                .flatMap(all -> stacks.plan(all).stream())
                .collect(Collectors.toMap(ModuleExport::module, Function.identity()));
        return unfused(
                sources,
                sources.stream()
                        .map(module -> module.stack().isPresent() ? stacked.get(module.name()) : planner.plan(module))
                        .toList());
    }

    /// Writes the rest of a fused tensor one by one where a part of it is, unless servers want it whole. What a program
    /// saved in a form of its own is written as the model is published.
    private List<ModuleExport> unfused(List<SourceModule> sources, List<ModuleExport> modules) {
        Set<String> replaced = new HashSet<>();
        modules.forEach(module -> replaced.addAll(module.replaced()));
        List<ModuleExport> all = new ArrayList<>();
        for (int i = 0; i < modules.size(); i++) {
            SourceModule module = sources.get(i);
            boolean whole = module.stack().isPresent();
            boolean torn = modules.get(i).tensors().isEmpty()
                    && ((!whole && module.linear().source().isResaved())
                            || (!(whole && plan.dialect().hasStacks())
                                    && module.linear().source().fusedTensors().stream()
                                            .anyMatch(replaced::contains)));
            all.add(torn ? ModulePlanner.unfused(module) : modules.get(i));
        }
        return all;
    }

    private List<OutputTensors> tensors(
            List<SourceModule> sources, List<ModuleExport> modules, CacheExport cache, List<Refusal> refusals) {
        Checkpoint checkpoint = source.checkpoint();
        Set<String> replaced = new HashSet<>(cache.replaced());
        modules.forEach(module -> replaced.addAll(module.replaced()));
        sources.stream().filter(SourceModule::sharesEmbedding).forEach(head -> replaced.addAll(head.tensorNames()));
        List<OutputTensors> tensors = new ArrayList<>();
        source.weights().changed().stream().sorted().map(checkpoint::tensor).forEach(tensor -> {
            replaced.add(tensor.name());
            tensors.add(values(tensor));
        });
        for (TensorInfo tensor : checkpoint.tensors().values()) {
            if (!replaced.contains(tensor.name())) {
                tensors.add(OutputTensors.of(
                        tensor.name(),
                        tensor.dtype(),
                        tensor.shape(),
                        new TensorContent.Copied(checkpoint.bytes(tensor))));
            }
        }
        modules.forEach(module -> tensors.addAll(module.tensors()));
        tensors.addAll(cache.tensors());
        Set<String> names = new HashSet<>();
        tensors.stream()
                .flatMap(OutputTensors::names)
                .filter(name -> !names.add(name))
                .forEach(name -> refusals.add(new Refusal(
                        name, "would be written twice: the source has a tensor of this name for something else")));
        return tensors;
    }

    /// Returns a tensor of plain values with those that lie over it.
    private OutputTensors values(TensorInfo tensor) {
        float[] values = source.weights().vector(tensor.name(), tensor.shape());
        DType dtype = tensor.dtype() == DType.BF16 ? DType.BF16 : DType.F32;
        return OutputTensors.of(
                tensor.name(),
                dtype,
                tensor.shape(),
                new TensorContent.Values(PlainWeight.ofFloats(values, 1, values.length), Optional.empty(), dtype));
    }

    private ExportDeclaration declaration(
            List<SourceModule> sources, List<ModuleExport> modules, List<OutputTensors> tensors, CacheExport cache) {
        SequencedMap<String, ModuleFormat> layers = new LinkedHashMap<>();
        Set<String> unquantised = new TreeSet<>();
        Set<String> written = new HashSet<>();
        tensors.forEach(made -> made.names().forEach(written::add));
        for (int i = 0; i < modules.size(); i++) {
            SourceModule module = sources.get(i);
            Optional<ModuleFormat> format = modules.get(i).format();
            if (format.isPresent()) {
                layers.put(declaredName(module, written), format.get());
            } else {
                unquantised.add(declaredName(module, written));
                if (!plan.dialect().hasStacks()) {
                    unquantised.add(module.name()); // servers look for experts one by one, however they are stored
                }
            }
        }
        tensors.stream()
                .flatMap(made -> made.tensors().stream())
                .filter(tensor -> tensor.name().endsWith(Part.WEIGHT.in("")) && isListed(tensor))
                .map(tensor -> parent(tensor.name()))
                .filter(name -> !layers.containsKey(name))
                .forEach(unquantised::add);
        return switch (plan.dialect()) {
            case ModelOpt dialect ->
                new ModelOptDeclaration(
                        layers, ExcludeList.summarise(unquantised, layers.keySet()), cache.format(), PRODUCER_VERSION);
            case CompressedTensors dialect ->
                new CompressedTensorsDeclaration(
                        layers, TargetNames.ignored(unquantised, layers.keySet()), cache.format(), cache.perHead());
        };
    }

    /// Returns whether a tensor that is not quantised may be taken for a linear module's. ModelOpt lists whatever has
    /// extents, compressed-tensors what has the form of a linear module.
    private boolean isListed(Planned tensor) {
        return switch (plan.dialect()) {
            case ModelOpt dialect -> tensor.shape().rank() > 1;
            case CompressedTensors dialect ->
                tensor.shape().rank() == 2 && !StoredNames.isEmbedding(parent(tensor.name()));
        };
    }

    /// Returns the name by which servers know a module: its own, or that of the fused tensor it is in, or of the module
    /// that holds this one.
    private String declaredName(SourceModule module, Set<String> written) {
        Optional<FusedStack> stack =
                module.stack().or(() -> module.linear().source().stack());
        return StoredNames.weight(written::contains, module.name()).isPresent()
                ? module.name()
                : stack.map(plan.dialect().hasStacks() ? FusedStack::owner : FusedStack::tensor)
                        .orElse(module.name());
    }

    private static String parent(String tensor) {
        return tensor.substring(0, Math.max(tensor.lastIndexOf('.'), 0));
    }
}
