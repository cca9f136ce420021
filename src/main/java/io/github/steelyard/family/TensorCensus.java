package io.github.steelyard.family;

import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.CacheNames;
import io.github.steelyard.dialect.Declaration;
import io.github.steelyard.dialect.GptOss;
import io.github.steelyard.dialect.ModelOpt;
import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.model.ExpectedTensor;
import io.github.steelyard.model.Linear;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.weights.WeightTensors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// A checkpoint's tensors held against a model.
///
/// @param known names of the tensors that the model reads, and of scales of its inputs and caches
/// @param ignored names of those that belong to other parts: vision towers, multi-token prediction
/// @param unknown names of those that nobody reads
/// @param missing names of those that the model needs and the checkpoint lacks
/// @param unread names of unknown ones beside a weight or in an attention module that the model does read: biases,
///     norms and factors without which it computes something else
public record TensorCensus(
        List<String> known, List<String> ignored, List<String> unknown, List<String> missing, List<String> unread) {

    /// What may lie in a module that is read without a change to what it computes.
    private static final Set<String> HARMLESS =
            Set.of("rotary_emb.inv_freq", "q_scale", "prob_scale", "output_scale", "k_bias", "v_bias");

    public TensorCensus {
        known = List.copyOf(known);
        ignored = List.copyOf(ignored);
        unknown = List.copyOf(unknown);
        missing = List.copyOf(missing);
        unread = List.copyOf(unread);
    }

    /// Takes the census of `checkpoint` for `decoder`. Lists are in the order of the checkpoint's names, `missing` in
    /// that of the model.
    public static TensorCensus of(Checkpoint checkpoint, Decoder decoder) {
        Set<String> readable = new LinkedHashSet<>();
        Set<String> missing = new LinkedHashSet<>();
        for (ExpectedTensor tensor : decoder.tensors()) {
            expect(tensor.name(), checkpoint, readable, missing);
        }
        for (Linear linear : decoder.linears()) {
            boolean shared = decoder.tied() && linear.info().equals(decoder.head());
            linear.source().fusedTensors().forEach(name -> expect(name, checkpoint, readable, missing));
            linear.source()
                    .stack()
                    .ifPresent(stack -> missing.addAll(WeightTensors.missingOfStack(checkpoint, stack.tensor())));
            if (!shared && linear.source().fusedTensors().isEmpty()) {
                missing.addAll(WeightTensors.missing(checkpoint, linear.info().name()));
            }
        }
        for (ModuleInfo module : decoder.modules()) {
            if (module.kind() == ModuleInfo.Kind.ATTENTION) {
                readable.addAll(CacheNames.all(module.name()));
            } else {
                readable.addAll(StoredNames.all(module.name()));
                String factors = ModelOpt.preQuantScale(module.name());
                if (areInputFactors(checkpoint, factors)) {
                    readable.add(factors);
                }
            }
        }
        return sorted(checkpoint, decoder, readable, missing);
    }

    /// Returns whether a tensor holds what the inputs of a module are multiplied by, and the config announces that.
    public static boolean areInputFactors(Checkpoint checkpoint, String tensor) {
        return algorithmOf(checkpoint, tensor).isPresent();
    }

    /// Returns what the config calls the algorithm that left these factors of inputs; empty if it announces none.
    public static Optional<QuantAlgo> algorithmOf(Checkpoint checkpoint, String tensor) {
        String module = tensor.substring(0, Math.max(tensor.lastIndexOf('.'), 0));
        return Optional.of(module)
                .filter(name -> tensor.equals(ModelOpt.preQuantScale(name)))
                .flatMap(checkpoint.quantization()::declarationOf)
                .filter(Declaration::inputFactors)
                .flatMap(declared -> QuantAlgo.ofScaledInputs(declared.format()));
    }

    /// Returns the tensors of a checkpoint that hold factors of inputs, sorted.
    public static List<String> inputFactors(Checkpoint checkpoint) {
        return checkpoint.tensors().keySet().stream()
                .filter(tensor -> areInputFactors(checkpoint, tensor))
                .sorted()
                .toList();
    }

    /// Refuses a checkpoint with factors of inputs, behind which a calibration would measure.
    ///
    /// @throws CheckpointException if there are any
    public static void requireNoInputFactors(Checkpoint checkpoint) {
        List<String> tensors = inputFactors(checkpoint);
        if (!tensors.isEmpty()) {
            throw new CheckpointException(
                    checkpoint.directory(),
                    String.format(
                            Locale.ROOT,
                            "wanted weights that a calibration can begin from, found %s with %d factors of inputs: %s",
                            algorithmOf(checkpoint, tensors.getFirst())
                                    .map(QuantAlgo::word)
                                    .orElseThrow(),
                            tensors.size(),
                            Printable.list(tensors)));
        }
    }

    private static void expect(String name, Checkpoint checkpoint, Set<String> readable, Set<String> missing) {
        readable.add(name);
        if (!checkpoint.has(name)) {
            missing.add(name);
        }
    }

    private static TensorCensus sorted(
            Checkpoint checkpoint, Decoder decoder, Set<String> readable, Set<String> missing) {
        List<String> known = new ArrayList<>();
        List<String> ignored = new ArrayList<>();
        List<String> unknown = new ArrayList<>();
        for (String name : checkpoint.tensors().keySet()) {
            if (readable.contains(name)) {
                known.add(name);
            } else if (decoder.ignores(name)) {
                ignored.add(name);
            } else {
                unknown.add(name);
            }
        }
        return new TensorCensus(known, ignored, unknown, List.copyOf(missing), unread(unknown, decoder));
    }

    /// Returns those of `unknown` tensors that lie beside a weight or in an attention module that `decoder` reads, and
    /// are not known to change nothing.
    public static List<String> unread(List<String> unknown, Decoder decoder) {
        if (unknown.isEmpty()) {
            return List.of();
        }
        Set<String> modules = new HashSet<>();
        decoder.modules().forEach(module -> modules.add(module.name()));
        decoder.linears().forEach(linear -> linear.source().stack().ifPresent(stack -> modules.add(stack.tensor())));
        return unknown.stream().filter(name -> belongs(name, modules)).toList();
    }

    private static boolean belongs(String name, Set<String> modules) {
        if (GptOss.stackOfBias(name).filter(modules::contains).isPresent()) {
            return true;
        }
        for (int dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
            if (modules.contains(name.substring(0, dot))) {
                String rest = name.substring(dot + 1);
                return !HARMLESS.contains(rest) && !HARMLESS.contains(rest.substring(rest.lastIndexOf('.') + 1));
            }
        }
        return false;
    }

    /// Refuses a checkpoint that lacks tensors, or has some without which the model computes something else.
    ///
    /// @throws CheckpointException if there are such; it names them all
    public void requireComplete(Path directory) {
        if (!missing.isEmpty()) {
            throw new CheckpointException(
                    directory,
                    missing.size() == 1
                            ? "tensor '%s' is missing".formatted(missing.getFirst())
                            : String.format(
                                    Locale.ROOT,
                                    "%d tensors are missing: %s",
                                    missing.size(),
                                    Printable.list(missing)));
        }
        if (!unread.isEmpty()) {
            throw new CheckpointException(
                    directory,
                    String.format(
                            Locale.ROOT,
                            "%d tensor(s) belong to modules of the model, and its config gives no use for them: %s",
                            unread.size(),
                            Printable.list(unread)));
        }
    }

    /// Refuses a checkpoint in which a tensor that is read as plain values is stored otherwise: a quantised embedding,
    /// norm or bias.
    ///
    /// @throws CheckpointException naming the first such tensor and how many there are
    public static void requirePlain(Checkpoint checkpoint, Decoder decoder) {
        List<TensorInfo> others = decoder.tensors().stream()
                .map(ExpectedTensor::name)
                .filter(checkpoint::has)
                .map(checkpoint::tensor)
                .filter(tensor -> switch (tensor.dtype()) {
                    case F32, BF16, F16 -> false;
                    case F8_E4M3,
                            F8_E5M2,
                            BOOL,
                            F4,
                            F6_E2M3,
                            F6_E3M2,
                            U8,
                            I8,
                            F8_E8M0,
                            I16,
                            U16,
                            I32,
                            U32,
                            C64,
                            F64,
                            I64,
                            U64 -> true;
                })
                .toList();
        if (!others.isEmpty()) {
            TensorInfo first = others.getFirst();
            String more = others.size() == 1 ? "" : String.format(Locale.ROOT, " and %d more", others.size() - 1);
            throw new CheckpointException(
                    first.file(),
                    "tensor '%s'%s: wanted F32, BF16 or F16, found %s; quantised embeddings, norms and biases are not read"
                            .formatted(first.name(), more, first.typeText()));
        }
    }
}
