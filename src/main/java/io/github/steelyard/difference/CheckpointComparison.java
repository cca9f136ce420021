package io.github.steelyard.difference;

import io.github.steelyard.census.ExportSource;
import io.github.steelyard.census.SourceModule;
import io.github.steelyard.census.StoredModule;
import io.github.steelyard.census.StoredModules;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.difference.Difference.ModuleChange;
import io.github.steelyard.difference.Difference.TensorChange;
import io.github.steelyard.family.Families;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.ConfigJson;
import io.github.steelyard.files.NaturalOrder;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.job.JobListener;
import io.github.steelyard.quant.QuantizationError;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/// Compares two checkpoints tensor by tensor, and weight by weight as a server would read them.
final class CheckpointComparison {

    private static final List<String> CONFIGS = List.of("config.json", "hf_quant_config.json");

    private final Checkpoint a;
    private final Checkpoint b;
    private final Optional<Checkpoint> source;
    private final JobListener listener;
    private final SortedMap<String, Integer> formats = new TreeMap<>();

    CheckpointComparison(Checkpoint a, Checkpoint b, Optional<Checkpoint> source, JobListener listener) {
        this.a = a;
        this.b = b;
        this.source = source;
        this.listener = listener;
    }

    Difference.Checkpoints run() {
        List<String> added = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        TreeSet<String> both = new TreeSet<>(NaturalOrder.INSTANCE);
        for (String name : a.tensors().keySet()) {
            (b.has(name) ? both : missing).add(name);
        }
        b.tensors().keySet().stream().filter(name -> !a.has(name)).forEach(added::add);
        List<TensorChange> different = both.parallelStream()
                .map(name -> compare(a.tensor(name), b.tensor(name)))
                .flatMap(Optional::stream)
                .toList();
        List<ModuleChange> modules = modules();
        return new Difference.Checkpoints(
                a.directory(),
                b.directory(),
                source.map(Checkpoint::directory),
                configs(a.directory()).against(configs(b.directory())),
                both.size() - different.size(),
                added.stream().sorted(NaturalOrder.INSTANCE).toList(),
                missing.stream().sorted(NaturalOrder.INSTANCE).toList(),
                different,
                formats,
                modules);
    }

    private static JsonLeaves configs(Path directory) {
        JsonLeaves leaves = new JsonLeaves();
        for (String name : CONFIGS) {
            Path file = directory.resolve(name);
            if (Files.exists(file)) {
                leaves.add(name, ConfigJson.read(file).copy());
            }
        }
        return leaves;
    }

    private Optional<TensorChange> compare(TensorInfo one, TensorInfo other) {
        boolean alike = one.dtype() == other.dtype() && one.shape().equals(other.shape());
        if (alike && a.bytes(one).mismatch(b.bytes(other)) < 0) {
            return Optional.empty();
        }
        long elements = one.shape().elements();
        Optional<Long> changed =
                alike ? Optional.of(Lanes.different(a.bytes(one), b.bytes(other), storedBits(one))) : Optional.empty();
        return Optional.of(new TensorChange(one.name(), one.typeText(), other.typeText(), elements, changed));
    }

    private static int storedBits(TensorInfo tensor) {
        long elements = Math.max(1, tensor.shape().elements());
        return (int) Math.max(1, tensor.byteSize() * Byte.SIZE / elements);
    }

    private List<ModuleChange> modules() {
        Optional<Map<String, SourceModule>> ours = weights(a);
        Optional<Map<String, SourceModule>> theirs = weights(b);
        Optional<Map<String, SourceModule>> origin = source.map(CheckpointComparison::modules);
        if (ours.isEmpty() || theirs.isEmpty()) {
            return List.of();
        }
        StoredModules storedA = StoredModules.of(a);
        StoredModules storedB = StoredModules.of(b);
        Map<String, SourceModule> others = theirs.get();
        List<Compared> compared = ours.get().values().parallelStream()
                .flatMap(module ->
                        find(others, module).map(other -> compare(module, other, origin, storedA, storedB)).stream())
                .toList();
        compared.forEach(module -> formats.merge(module.formats, 1, Integer::sum));
        return compared.stream().flatMap(module -> module.change.stream()).toList();
    }

    private static Optional<SourceModule> find(Map<String, SourceModule> modules, SourceModule module) {
        return Optional.ofNullable(modules.get(module.name()));
    }

    /// A module of both.
    private record Compared(String formats, Optional<ModuleChange> change) {}

    /// The weights of a checkpoint, unless it is none of a model that is known here: its tensors are compared all the
    /// same.
    private Optional<Map<String, SourceModule>> weights(Checkpoint checkpoint) {
        try {
            return Optional.of(modules(checkpoint));
        } catch (CheckpointException e) {
            listener.warn("only tensors are compared, not weights: " + e.getMessage());
            return Optional.empty();
        }
    }

    private static Map<String, SourceModule> modules(Checkpoint checkpoint) {
        Map<String, SourceModule> modules = new LinkedHashMap<>();
        ExportSource.of(checkpoint, Families.of(checkpoint))
                .modules()
                .forEach(module -> modules.put(module.name(), module));
        return modules;
    }

    private Compared compare(
            SourceModule one,
            SourceModule other,
            Optional<Map<String, SourceModule>> source,
            StoredModules modulesA,
            StoredModules modulesB) {
        Optional<SourceModule> origin = source.flatMap(modules -> find(modules, one));
        Optional<StoredModule> storedA = modulesA.find(one.name());
        Optional<StoredModule> storedB = modulesB.find(one.name());
        StoredWeight ours = one.weight();
        StoredWeight theirs = other.weight();
        String formatA = ours.formatName();
        String formatB = theirs.formatName();
        String pair = formatA.equals(formatB) ? formatA : formatA + " -> " + formatB;
        boolean alike = storedA.isPresent() && storedB.isPresent() && areAlike(storedA.get(), storedB.get());
        Optional<Count> codes = alike ? Optional.of(count(storedA.get(), storedB.get(), true)) : Optional.empty();
        Optional<Count> scales = alike ? Optional.of(count(storedA.get(), storedB.get(), false)) : Optional.empty();
        boolean same = codes.isPresent() && codes.get().changed + scales.orElseThrow().changed == 0;
        boolean measured = origin.isPresent() && !(one.isPlain() && other.isPlain());
        Optional<Double> apart = same ? Optional.empty() : sqnr(ours, theirs);
        if (!measured && (same || (codes.isEmpty() && apart.isEmpty() && formatA.equals(formatB)))) {
            return new Compared(pair, Optional.empty());
        }
        Optional<StoredWeight> original = origin.filter(module -> measured).map(SourceModule::weight);
        return new Compared(
                pair,
                Optional.of(new ModuleChange(
                        one.name(),
                        formatA,
                        formatB,
                        codes.map(Count::all),
                        codes.map(Count::changed),
                        scales.map(Count::all),
                        scales.map(Count::changed),
                        apart,
                        original.flatMap(weight -> sqnr(weight, ours)),
                        original.flatMap(weight -> sqnr(weight, theirs)))));
    }

    private static Optional<Double> sqnr(StoredWeight before, StoredWeight after) {
        if (before.rows() != after.rows() || before.columns() != after.columns()) {
            return Optional.empty();
        }
        double sqnr = QuantizationError.between(before, after).sqnr();
        return Double.isFinite(sqnr) ? Optional.of(sqnr) : Optional.empty();
    }

    /// Elements, and how many of them differ.
    private record Count(long all, long changed) {}

    private static boolean areAlike(StoredModule one, StoredModule other) {
        return one.weight().isPresent()
                && one.parts().keySet().equals(other.parts().keySet())
                && one.parts().keySet().stream()
                        .allMatch(part -> other.part(part)
                                .filter(second -> second.typeText()
                                        .equals(one.part(part).orElseThrow().typeText()))
                                .isPresent());
    }

    private Count count(StoredModule one, StoredModule other, boolean codes) {
        long all = 0;
        long changed = 0;
        for (Part part : one.parts().keySet()) {
            TensorInfo tensor = one.part(part).orElseThrow();
            if (tensor.equals(one.weight().orElseThrow()) != codes) {
                continue;
            }
            int stored = storedBits(tensor);
            int bits = codes ? Math.min(stored, codeBits(one, stored)) : stored;
            all += tensor.byteSize() * Byte.SIZE / bits;
            changed += Lanes.different(a.bytes(tensor), b.bytes(other.part(part).orElseThrow()), bits);
        }
        return new Count(all, changed);
    }

    private static int codeBits(StoredModule module, int stored) {
        int bits = module.format().map(Format::bits).orElse(stored);
        return Integer.bitCount(bits) == 1 ? bits : stored;
    }
}
