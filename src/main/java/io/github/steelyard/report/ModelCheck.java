package io.github.steelyard.report;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.CacheNames;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.Printable;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Linear;
import io.github.steelyard.model.ModuleInfo;
import io.github.steelyard.model.TensorCensus;
import io.github.steelyard.model.TiedHead;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.Weights;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Holds the tensors of a checkpoint against the model that its config describes.
final class ModelCheck {

    private static final Set<DType> REAL = Set.of(DType.F32, DType.BF16, DType.F16);
    private static final List<String> EXPERT_COUNTS = List.of("num_experts", "num_local_experts", "n_routed_experts");
    private static final Pattern EXPERT = Pattern.compile("^(.{0,300}\\.experts)\\.(\\d{1,6})\\.");

    private final Checkpoint checkpoint;
    private final ConfigJson config; // of the text model
    private final StoredModules stored;
    private final FindingList findings;
    private final ModuleCheck moduleCheck;
    private final Set<String> used = new HashSet<>(); // names of tensors and of modules
    private final Map<ModuleInfo, StoredModule> modules = new LinkedHashMap<>();

    ModelCheck(Checkpoint checkpoint, StoredModules stored, FindingList findings) {
        this.checkpoint = checkpoint;
        this.stored = stored;
        this.findings = findings;
        this.config = checkpoint.config().textModel();
        this.moduleCheck = new ModuleCheck(findings, new ShapeHint(config), checkpoint.quantization());
    }

    /// Checks everything that is about names, types and shapes.
    ///
    /// @return the model, empty if the config describes none that can be run
    Optional<Decoder> check() {
        Optional<Decoder> decoder = decoder();
        checkExpertCount(decoder);
        if (decoder.isEmpty()) {
            stored.all().forEach(module -> moduleCheck.check(module, true));
        } else {
            checkModel(decoder.get());
            checkRest(decoder.get());
        }
        if (checkpoint.quantization().problem().isEmpty()) {
            new DeclaredCheck(checkpoint.quantization(), checkpoint.directory(), findings)
                    .check(modules, allModules(decoder));
        }
        return decoder;
    }

    /// Returns the modules of the model that are stored under their own names.
    Map<ModuleInfo, StoredModule> modules() {
        return modules;
    }

    /// Returns whether the model reads the tensor. Without a model every tensor counts as read.
    boolean reads(String tensor) {
        return used.isEmpty() || used.contains(tensor);
    }

    private Optional<Decoder> decoder() {
        try {
            return Optional.of(Families.describe(checkpoint));
        } catch (CheckpointException e) {
            findings.error("config", "config.json", e);
        } catch (IllegalArgumentException | ArithmeticException e) {
            findings.error(
                    "config",
                    checkpoint.config().file(),
                    "config.json",
                    "describes no model that can be run: %s".formatted(Printable.of(String.valueOf(e.getMessage()))));
        }
        return Optional.empty();
    }

    private void checkModel(Decoder decoder) {
        boolean comparable = checkHidden(decoder);
        for (ExpectedTensor tensor : decoder.tensors()) {
            checkPlain(tensor, comparable);
        }
        Weights weights = new Weights(checkpoint);
        for (Linear linear : decoder.linears()) {
            checkLinear(linear, decoder, weights, comparable);
        }
        decoder.modules().stream()
                .filter(module -> module.kind() == ModuleInfo.Kind.ATTENTION)
                .forEach(this::checkCache);
    }

    private boolean checkHidden(Decoder decoder) {
        if (!checkpoint.has(decoder.embedding())) {
            return true;
        }
        TensorInfo embedding = checkpoint.tensor(decoder.embedding());
        if (embedding.shape().rank() != 2 || embedding.shape().dim(1) == decoder.hidden()) {
            return true;
        }
        findings.error(
                "config-disagrees",
                checkpoint.config().file(),
                "hidden_size",
                String.format(
                        Locale.ROOT,
                        "hidden_size: wanted %d, as tensor %s %s has, found %d; other shapes are not compared",
                        embedding.shape().dim(1),
                        Printable.quoted(embedding.name()),
                        embedding.shape(),
                        decoder.hidden()));
        return false;
    }

    private void checkPlain(ExpectedTensor expected, boolean comparable) {
        used.add(expected.name());
        if (!checkpoint.has(expected.name())) {
            findings.missing("tensor-missing", expected.name(), expected.shape().toString());
            return;
        }
        TensorInfo tensor = checkpoint.tensor(expected.name());
        stored.moduleOf(tensor.name()).ifPresent(module -> used.add(module.name()));
        if (comparable && !tensor.shape().equals(expected.shape())) {
            findings.tensorError(
                    "shape",
                    tensor.file(),
                    tensor.name(),
                    "wanted %s, found %s".formatted(described(expected.shape(), tensor), tensor.typeText()));
        } else if (!REAL.contains(tensor.dtype())) {
            findings.tensorError(
                    "dtype",
                    tensor.file(),
                    tensor.name(),
                    "wanted F32, BF16 or F16, found %s".formatted(tensor.typeText()));
        }
    }

    private String described(Shape wanted, TensorInfo tensor) {
        return new ShapeHint(config).describe(wanted, tensor.shape());
    }

    private void checkLinear(Linear linear, Decoder decoder, Weights weights, boolean comparable) {
        ModuleInfo info = linear.info();
        boolean tied = decoder.tied() && info.equals(decoder.head());
        List<String> fused = linear.source().fusedTensors();
        if (tied) {
            stored.find(info.name()).ifPresent(this::use);
            TiedHead.finding(checkpoint, decoder).ifPresent(finding -> findings.addAll(List.of(finding)));
            return;
        }
        if (!fused.isEmpty()) {
            checkFused(fused);
        } else if (!checkOwn(info, comparable)) {
            return;
        }
        if (comparable) {
            tryOpen(linear, weights);
        }
    }

    // What the checks here let pass and the loader refuses is still an error.
    private void tryOpen(Linear linear, Weights weights) {
        try {
            linear.source().open(weights, linear.info());
        } catch (CheckpointException e) {
            findings.error("unreadable", linear.info().name(), e);
        } catch (IllegalArgumentException | ArithmeticException e) {
            findings.error(
                    "unreadable",
                    checkpoint.directory(),
                    linear.info().name(),
                    "module %s: %s"
                            .formatted(
                                    Printable.quoted(linear.info().name()),
                                    Printable.of(String.valueOf(e.getMessage()))));
        }
    }

    private void checkFused(List<String> tensors) {
        for (String name : tensors) {
            if (used.add(name) && !checkpoint.has(name)) {
                findings.missing("tensor-missing", name, "the experts' weight");
            }
            stored.moduleOf(name).ifPresent(module -> {
                if (used.add(module.name())) {
                    use(module);
                    moduleCheck.check(module, true);
                }
            });
        }
    }

    private boolean checkOwn(ModuleInfo info, boolean comparable) {
        used.add(info.name());
        Optional<StoredModule> module = stored.find(info.name());
        if (module.isEmpty() || module.get().weight().isEmpty()) {
            findings.missing(
                    "tensor-missing",
                    info.name() + ".weight",
                    Shape.of(info.rows(), info.columns()).toString());
            module.ifPresent(this::use);
            return false;
        }
        use(module.get());
        modules.put(info, module.get());
        warnOfLeftovers(module.get());
        return comparable && moduleCheck.check(module.get(), info.rows(), info.columns());
    }

    private void warnOfLeftovers(StoredModule module) {
        boolean scaled = module.scale().isPresent()
                || module.globalScale().isPresent()
                || module.inputScale().isPresent();
        if (scaled && module.stored() == StoredModule.Stored.PLAIN) {
            findings.warnOf(
                    "scale-beside-plain",
                    "scales",
                    "modules that have scales, though their weights are not quantised",
                    module.name());
        }
    }

    private void use(StoredModule module) {
        module.parts().values().forEach(tensor -> used.add(tensor.name()));
    }

    private void checkCache(ModuleInfo attention) {
        String name = attention.name();
        boolean declared = checkpoint.quantization().kvCache().isPresent();
        for (String letter : List.of("k", "v")) {
            List<String> names = CacheNames.all(name, letter.equals("k"));
            names.forEach(used::add);
            if (declared && names.stream().noneMatch(checkpoint::has)) {
                findings.warnOf(
                        "kv-scale-missing",
                        "kv_cache",
                        "a KV cache in %s is declared, scales that are not there"
                                .formatted(checkpoint.quantization().kvCache().orElseThrow()),
                        names.getFirst());
            }
        }
    }

    private void checkRest(Decoder decoder) {
        for (StoredModule module : stored.all()) {
            boolean ignored = isIgnored(decoder, module.name());
            if (!used.contains(module.name()) && !ignored) {
                moduleCheck.check(module, false);
            }
        }
        List<String> unused = checkpoint.tensors().keySet().stream()
                .filter(name -> !used.contains(name) && !isIgnored(decoder, name))
                .toList();
        Set<String> unread = Set.copyOf(TensorCensus.unread(unused, decoder));
        for (String name : unused) {
            TensorInfo tensor = checkpoint.tensor(name);
            if (unread.contains(name)) {
                findings.errorOf(
                        "tensor-unread",
                        "tensors",
                        "tensors that belong to modules of the model, and its config gives no use for them",
                        tensor.name());
                continue;
            }
            boolean orphan = stored.moduleOf(tensor.name())
                    .map(module -> module.weight().isEmpty())
                    .orElse(false);
            findings.warnOf(
                    orphan ? "scale-orphan" : "tensor-unused",
                    "tensors",
                    orphan ? "scales without their weight" : "tensors that the model does not read",
                    tensor.name());
        }
    }

    private static boolean isIgnored(Decoder decoder, String name) {
        return decoder.ignores(name);
    }

    private Set<String> allModules(Optional<Decoder> decoder) {
        Set<String> names = new HashSet<>(stored.names());
        checkpoint.tensors().keySet().forEach(name -> names.add(name.substring(0, Math.max(0, name.lastIndexOf('.')))));
        decoder.ifPresent(model -> model.modules().forEach(module -> names.add(module.name())));
        return names;
    }

    /// Other parts, such as a prediction layer that was not pruned with the rest, may have a number of their own.
    private void checkExpertCount(Optional<Decoder> decoder) {
        Optional<String> key = EXPERT_COUNTS.stream().filter(config::has).findFirst();
        Map<String, Integer> counts = new TreeMap<>(); // by the experts' common prefix
        for (String name : checkpoint.tensors().keySet()) {
            Matcher matcher = EXPERT.matcher(name);
            boolean weight = name.endsWith(".weight") || name.endsWith(".weight_packed");
            boolean ignored = decoder.map(model -> isIgnored(model, name)).orElse(false);
            if (weight && !ignored && matcher.find()) {
                counts.merge(matcher.group(1), Integer.parseInt(matcher.group(2)) + 1, Math::max);
            }
        }
        if (key.isEmpty() || counts.isEmpty()) {
            return;
        }
        int declared;
        try {
            declared = config.integer(key.get(), 0, Integer.MAX_VALUE);
        } catch (CheckpointException e) {
            return; // reported by the reading of the config
        }
        counts.forEach((prefix, count) -> {
            if (count != declared) {
                findings.error(
                        "config-disagrees",
                        config.file(),
                        key.get(),
                        String.format(
                                Locale.ROOT,
                                "%s: wanted %d, as the tensors of %s have, found %d",
                                key.get(),
                                count,
                                Printable.quoted(prefix),
                                declared));
            }
        });
    }
}
