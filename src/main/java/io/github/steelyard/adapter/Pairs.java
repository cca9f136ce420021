package io.github.steelyard.adapter;

import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Printable;
import io.github.steelyard.format.Bf16;
import io.github.steelyard.format.Fp16;
import io.github.steelyard.format.PlainWeight;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// `adapter_model.safetensors`: two matrices for each module that is adapted.
///
/// | tensor | shape |
/// |---|---|
/// | `base_model.model.MODULE.lora_A.weight` | (rank, columns) |
/// | `base_model.model.MODULE.lora_B.weight` | (rows, rank) |
/// | `base_model.model.ROOT.lm_head.base_layer.weight` | the head's own weight, which PEFT saves beside an adapted head
/// |
///
/// Source: PEFT, `get_peft_model_state_dict` (see `docs/SOURCES.md`).
final class Pairs {

    private static final String PREFIX = "base_model.model.";
    private static final Pattern FACTOR = Pattern.compile(Pattern.quote(PREFIX) + "(.+)\\.lora_([AB])\\.weight");

    private static final Pattern HEAD =
            Pattern.compile(Pattern.quote(PREFIX) + "((?:.+\\.)?lm_head)\\.base_layer\\.weight");

    private final SafetensorsFile file;
    private final SortedMap<String, Stored> heads = new TreeMap<>();
    private final SortedMap<String, Pair> byModule = new TreeMap<>();

    /// The two matrices of a module.
    record Pair(Stored a, Stored b) {}

    /// A matrix and the tensor that holds it.
    record Stored(TensorInfo tensor, PlainWeight values) {

        private static final ValueLayout.OfFloat F32 =
                ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
        private static final ValueLayout.OfShort HALF =
                ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

        /// Returns one value.
        float at(int row, int column) {
            long index = (long) row * values.columns() + column;
            MemorySegment bytes = values.elements();
            if (values.dtype() == DType.F32) {
                return bytes.get(F32, 4 * index);
            }
            int code = Short.toUnsignedInt(bytes.get(HALF, 2 * index));
            return values.dtype() == DType.BF16 ? Bf16.decode(code) : Fp16.decode(code);
        }

        Shape shape() {
            return tensor.shape();
        }
    }

    private Pairs(SafetensorsFile file) {
        this.file = file;
    }

    /// Reads the names and values of all tensors; the values stay where they are.
    ///
    /// @throws CheckpointException if a tensor is none of a pair, is no matrix of plain values, or has one that is no
    /// number
    static Pairs of(SafetensorsFile file) {
        Pairs pairs = new Pairs(file);
        SortedMap<String, Stored> firsts = new TreeMap<>();
        SortedMap<String, Stored> seconds = new TreeMap<>();
        file.tensors().values().forEach(tensor -> {
            Matcher head = HEAD.matcher(tensor.name());
            if (head.matches()) {
                pairs.heads.put(head.group(1), pairs.stored(tensor));
                return;
            }
            Matcher name = FACTOR.matcher(tensor.name());
            if (!name.matches()) {
                throw new CheckpointException(
                        file.file(),
                        "tensor %s: is not computed; wanted %sMODULE.lora_A.weight or .lora_B.weight"
                                .formatted(quoted(tensor), PREFIX));
            }
            (name.group(2).equals("A") ? firsts : seconds).put(name.group(1), pairs.stored(tensor));
        });
        if (firsts.isEmpty() && seconds.isEmpty()) {
            throw new CheckpointException(file.file(), "no tensors: wanted two for each module that is adapted");
        }
        firsts.forEach((module, a) -> {
            Stored b = seconds.remove(module);
            if (b == null) {
                throw pairs.alone(a, "lora_B");
            }
            pairs.byModule.put(module, new Pair(a, b));
        });
        seconds.values().stream().findFirst().ifPresent(b -> {
            throw pairs.alone(b, "lora_A");
        });
        return pairs;
    }

    private CheckpointException alone(Stored stored, String other) {
        return new CheckpointException(
                file.file(), "tensor %s: wanted its %s beside it, found none".formatted(quoted(stored.tensor), other));
    }

    private static String quoted(TensorInfo tensor) {
        return Printable.quoted(tensor.name());
    }

    private Stored stored(TensorInfo tensor) {
        Shape shape = tensor.shape();
        if (shape.rank() != 2 || shape.dim(0) > Integer.MAX_VALUE || shape.dim(1) > Integer.MAX_VALUE) {
            throw new CheckpointException(
                    file.file(), "tensor %s: wanted a matrix, found shape %s".formatted(quoted(tensor), shape));
        }
        try {
            PlainWeight values =
                    new PlainWeight(file.bytes(tensor), tensor.dtype(), (int) shape.dim(0), (int) shape.dim(1));
            requireFinite(tensor, values);
            return new Stored(tensor, values);
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file.file(), "tensor %s: %s".formatted(quoted(tensor), e.getMessage()), e);
        }
    }

    private void requireFinite(TensorInfo tensor, PlainWeight values) {
        float[] row = new float[values.columns()];
        for (int i = 0; i < values.rows(); i++) {
            values.decodeRows(i, i + 1, row, 0);
            for (float value : row) {
                if (!Float.isFinite(value)) {
                    throw new CheckpointException(
                            file.file(), "tensor %s: wanted finite values, found %s".formatted(quoted(tensor), value));
                }
            }
        }
    }

    /// Returns the pairs by the module's name as the adapter has it.
    SortedMap<String, Pair> byModule() {
        return byModule;
    }

    /// Returns the weights of heads by their module's name as the adapter has it.
    SortedMap<String, Stored> heads() {
        return heads;
    }

    /// Refuses a pair of other extents.
    ///
    /// @param a extents of its first matrix
    /// @param b extents of its second
    void require(Pair pair, Shape a, Shape b) {
        require(pair.a, a);
        require(pair.b, b);
    }

    /// Refuses a matrix of other extents.
    void require(Stored stored, Shape wanted) {
        if (!stored.shape().equals(wanted)) {
            throw new CheckpointException(
                    file.file(),
                    "tensor %s: wanted shape %s, found %s".formatted(quoted(stored.tensor), wanted, stored.shape()));
        }
    }
}
