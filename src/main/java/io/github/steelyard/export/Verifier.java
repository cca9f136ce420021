package io.github.steelyard.export;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.NaturalOrder;
import io.github.steelyard.format.Nvfp4;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.ModuleInfo;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.weights.WeightTensors;
import io.github.steelyard.weights.Weights;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;

/// Re-reads a checkpoint and looks for everything that would make a server refuse it or, worse, serve it wrong:
/// tensors without their scales and scales without their tensors, values that no calibration measures, modules that the
/// config describes otherwise than they are, cache scales that are promised and not there.
///
/// Works on any checkpoint, whoever wrote it; with the source it also measures the error of each weight.
public final class Verifier {

    private final Path directory;
    private final Function<Checkpoint, Decoder> models;
    private final Optional<ExportSource> source;
    private final Optional<Declaration> expected;

    /// @param models tells which model a checkpoint holds, and so which of its modules a server gives a cache; throws a
    ///     [CheckpointException] for one that it does not know
    public Verifier(Path directory, Function<Checkpoint, Decoder> models) {
        this(directory, models, Optional.empty(), Optional.empty());
    }

    private Verifier(
            Path directory,
            Function<Checkpoint, Decoder> models,
            Optional<ExportSource> source,
            Optional<Declaration> expected) {
        this.directory = directory;
        this.models = models;
        this.source = source;
        this.expected = expected;
    }

    /// Returns a verifier that also compares with the checkpoint that the directory was made from.
    public Verifier against(ExportSource origin) {
        return new Verifier(directory, models, Optional.of(origin), expected);
    }

    /// Returns a verifier that also requires what was planned.
    Verifier expecting(Declaration declaration) {
        return new Verifier(directory, models, source, Optional.of(declaration));
    }

    /// Verifies. A checkpoint that cannot be read is an error among the findings, not an exception.
    public Verification verify() {
        Findings findings = new Findings();
        SortedMap<String, Long> formats = new TreeMap<>();
        List<TensorError> errors = List.of();
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            checkpoint.quantization().requireUnderstood();
            NavigableMap<String, StoredModule> modules =
                    check(checkpoint, attentions(checkpoint), tensor -> true, findings);
            modules.values()
                    .forEach(module -> formats.merge(module.tensors().kind().name(), 1L, Long::sum));
            expected.ifPresent(
                    declaration -> new DeclarationChecks(checkpoint, modules, findings).checkExpected(declaration));
            if (expected.isEmpty()) {
                requireQuantised(checkpoint, findings);
            }
            if (source.isPresent()) {
                errors = new SourceChecks(source.get(), checkpoint, findings).check();
            }
        } catch (CheckpointException e) {
            findings.error("unreadable", e.file().toString(), e.problem());
        }
        return new Verification(findings.list(), formats, errors);
    }

    /// Verifies what is going to be written, but for tensors whose bytes do not exist yet.
    ///
    /// @param values whether to read the tensors that are copied as they are, or those of one value alone
    static List<Finding> rehearse(ExportSource source, ExportPlan planned, boolean values) {
        Findings findings = new Findings();
        try (Checkpoint checkpoint = planned.checkpoint(source.checkpoint())) {
            check(checkpoint, attentions(source.decoder()), planned.readable(values), findings);
        } catch (CheckpointException e) {
            findings.error("unreadable", e.file().toString(), e.problem());
        }
        return findings.list();
    }

    /// @param attentions the modules of the model that have a key and value cache; empty if the model is unknown. Names
    ///     alone do not tell: vision towers and prediction layers have a `k_proj` too
    /// @param readable whether the bytes of a tensor are to be looked at
    private static NavigableMap<String, StoredModule> check(
            Checkpoint checkpoint,
            Optional<List<String>> attentions,
            Predicate<TensorInfo> readable,
            Findings findings) {
        findings.addAll(checkpoint.findings());
        NavigableMap<String, StoredModule> modules = modules(checkpoint, readable, findings);
        new ScaleChecks(findings, readable).check(modules.values());
        findings.addAll(modules.values().parallelStream()
                .filter(module -> readable.test(module.tensors().weight()))
                .flatMap(module -> checkValues(module).stream())
                .toList());
        PairChecks pairs = new PairChecks(modules, findings);
        pairs.checkJoined();
        pairs.checkCache(checkpoint, checkpoint.quantization().kvCache(), attentions);
        new DeclarationChecks(checkpoint, modules, findings).check();
        return modules;
    }

    private Optional<List<String>> attentions(Checkpoint checkpoint) {
        try {
            return attentions(models.apply(checkpoint));
        } catch (CheckpointException | IllegalArgumentException | ArithmeticException e) {
            return Optional.empty();
        }
    }

    /// A checkpoint of plain values passes every other check, and says nothing of a quantization that was meant.
    private static void requireQuantised(Checkpoint checkpoint, Findings findings) {
        boolean any = checkpoint.tensors().values().stream()
                .anyMatch(tensor -> holdsCodes(tensor.dtype())
                        || tensor.name().endsWith(".weight_packed")
                        || tensor.name().endsWith("k_scale")
                        || tensor.name().endsWith(".kv_scale"));
        if (!any) {
            findings.error(
                    "nothing-quantised",
                    checkpoint.directory().toString(),
                    "no weight is stored in a quantised format, and no cache has scales: there is nothing to verify");
        }
    }

    private static Optional<List<String>> attentions(Decoder decoder) {
        return Optional.of(decoder.modules().stream()
                .filter(module -> module.kind() == ModuleInfo.Kind.ATTENTION)
                .map(ModuleInfo::name)
                .toList());
    }

    private static NavigableMap<String, StoredModule> modules(
            Checkpoint checkpoint, Predicate<TensorInfo> readable, Findings findings) {
        Weights weights = new Weights(checkpoint);
        NavigableMap<String, StoredModule> modules = new TreeMap<>(NaturalOrder.INSTANCE);
        for (TensorInfo tensor : checkpoint.tensors().values()) {
            if (isStack(tensor)) {
                addStack(tensor, weights, modules, findings);
                continue;
            }
            boolean weight = tensor.name().endsWith(".weight") || tensor.name().endsWith(".weight_packed");
            if (!weight || tensor.shape().rank() != 2 || !holdsWeights(tensor.dtype())) {
                continue;
            }
            String name = tensor.name().substring(0, tensor.name().lastIndexOf('.'));
            try {
                StoredModule module = new StoredModule(name, WeightTensors.detect(checkpoint, name), weights);
                int rows = Math.toIntExact(module.rows());
                int columns = Math.toIntExact(module.columns());
                if (readable.test(module.tensors().weight())) {
                    weights.linear(name, rows, columns);
                }
                modules.put(name, module);
            } catch (CheckpointException e) {
                findings.error("weight-incomplete", name, e.problem());
            } catch (ArithmeticException e) {
                findings.error("weight-incomplete", name, "no matrix has the extents %s".formatted(tensor.shape()));
            }
        }
        return modules;
    }

    /// Returns whether a tensor holds the codes of all experts of a layer.
    private static boolean isStack(TensorInfo tensor) {
        boolean codes = tensor.dtype() == DType.U8 || tensor.dtype() == DType.F8_E4M3;
        return codes && tensor.shape().rank() == 3 && tensor.name().endsWith("_proj");
    }

    private static void addStack(
            TensorInfo tensor, Weights weights, Map<String, StoredModule> modules, Findings findings) {
        try {
            WeightTensors stored = WeightTensors.ofStack(weights.checkpoint(), tensor.name());
            StoredModule module = new StoredModule(tensor.name(), stored, weights);
            long scales = stored.scale().orElseThrow().shape().elements();
            if (module.isNvfp4() && 2 * tensor.shape().elements() != Nvfp4.BLOCK * scales) {
                findings.error(
                        "weight-incomplete",
                        tensor.name(),
                        String.format(Locale.ROOT, "%d block scales for %s", scales, tensor.typeText()));
            }
            modules.put(tensor.name(), module);
        } catch (CheckpointException e) {
            findings.error("weight-incomplete", tensor.name(), e.problem());
        }
    }

    private static boolean holdsCodes(DType dtype) {
        return switch (dtype) {
            case F8_E4M3, F8_E5M2, U8, F4, I8 -> true;
            default -> false;
        };
    }

    private static boolean holdsWeights(DType dtype) {
        return switch (dtype) {
            case F32, F16, BF16, F8_E4M3, F8_E5M2, U8, F4, I8, I32 -> true;
            default -> false;
        };
    }

    /// Looks for codes and values that stand for no number.
    private static Optional<Finding> checkValues(StoredModule module) {
        TensorInfo tensor = module.tensors().weight();
        MemorySegment bytes = module.weights().checkpoint().bytes(tensor);
        long bad = switch (tensor.dtype()) {
            case F8_E4M3 -> {
                long[] counts = ScaleChecks.histogram(bytes);
                yield counts[0x7f] + counts[0xff];
            }
            case BF16 -> count(bytes, 0x7f80);
            case F16 -> count(bytes, 0x7c00);
            case F32 -> countFloats(bytes);
            default -> 0;
        };
        return bad == 0
                ? Optional.empty()
                : Optional.of(Finding.error(
                        "weight-not-finite",
                        tensor.name(),
                        String.format(Locale.ROOT, "%s: %d values are NaN or infinite", tensor.name(), bad)));
    }

    private static long count(MemorySegment bytes, int exponent) {
        long bad = 0;
        for (long i = 0; i < bytes.byteSize(); i += Short.BYTES) {
            bad += (bytes.get(ValueLayout.JAVA_SHORT_UNALIGNED, i) & exponent) == exponent ? 1 : 0;
        }
        return bad;
    }

    private static long countFloats(MemorySegment bytes) {
        long bad = 0;
        for (long i = 0; i < bytes.byteSize(); i += Float.BYTES) {
            bad += Float.isFinite(bytes.get(ValueLayout.JAVA_FLOAT_UNALIGNED, i)) ? 0 : 1;
        }
        return bad;
    }
}
