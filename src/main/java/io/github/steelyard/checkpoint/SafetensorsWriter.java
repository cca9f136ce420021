package io.github.steelyard.checkpoint;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.steelyard.files.AtomicFiles;
import io.github.steelyard.files.Printable;
import io.github.steelyard.files.StorageException;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// Writes one safetensors file whose tensors are known beforehand, each in as many pieces as the caller likes.
///
/// The header goes first, padded with spaces to a multiple of 8 bytes; then come the tensors in the order of the plan.
/// Where each lies is known beforehand, so that they can be written in any order, and several by turns. The file
/// appears under its name when [#finish] is called, whole and forced to the device; without
/// that nothing is left behind. Equal plans and equal bytes give equal files. Not thread-safe.
public final class SafetensorsWriter implements AutoCloseable {

    private static final int ALIGNMENT = 8; // bytes
    private static final long PIECE = 1L << 26; // bytes that one buffer view covers at most

    private final Path file;
    private final AtomicFiles.Pending pending;
    private final Map<String, Unwritten> tensors = new LinkedHashMap<>(); // in the order of the plan

    /// What is still missing of a tensor.
    private static final class Unwritten {

        private final Planned planned;
        private final long end; // in bytes from the start of the file
        private long bytes;

        Unwritten(Planned planned, long begin) {
            this.planned = planned;
            this.bytes = planned.byteSize();
            this.end = begin + bytes;
        }

        long written() {
            return planned.byteSize() - bytes;
        }
    }

    /// A tensor that is going to be written.
    ///
    /// @param name its name; no two are the same
    /// @param dtype its element type
    /// @param shape its extents
    public record Planned(String name, DType dtype, Shape shape) {

        /// @throws IllegalArgumentException if the tensor's bits overflow or are not whole bytes
        public Planned {
            if (bits(dtype, shape) % Byte.SIZE != 0) {
                throw new IllegalArgumentException(
                        "tensor '%s': %s %s is not a whole number of bytes".formatted(name, dtype, shape));
            }
        }

        /// Returns the size in bytes.
        public long byteSize() {
            return bits(dtype, shape) / Byte.SIZE;
        }

        private static long bits(DType dtype, Shape shape) {
            return Math.multiplyExact(shape.elements(), (long) dtype.bits());
        }
    }

    private SafetensorsWriter(Path file, AtomicFiles.Pending pending, List<Planned> plan, long begin) {
        this.file = file;
        this.pending = pending;
        long next = begin;
        for (Planned tensor : plan) {
            tensors.put(tensor.name(), new Unwritten(tensor, next));
            next += tensor.byteSize();
        }
    }

    /// Starts a file.
    ///
    /// @param file where it appears when it is finished
    /// @param plan the tensors in the order in which they lie in the file
    /// @param metadata texts for `__metadata__`, written sorted; none are written if it is empty
    /// @throws io.github.steelyard.files.OutputException if anything but a regular file is in the way
    /// @throws StorageException if the file cannot be created
    /// @throws IllegalArgumentException if a name is planned twice or is no Unicode text
    public static SafetensorsWriter create(Path file, List<Planned> plan, Map<String, String> metadata) {
        byte[] header = header(plan, metadata);
        SafetensorsWriter writer =
                new SafetensorsWriter(file, AtomicFiles.begin(file), plan, Long.BYTES + header.length);
        try {
            ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            AtomicFiles.writeFully(writer.pending.channel(), length.putLong(0, header.length));
            AtomicFiles.writeFully(writer.pending.channel(), ByteBuffer.wrap(header));
            return writer;
        } catch (IOException e) {
            writer.close();
            throw new StorageException(file, e);
        }
    }

    /// Writes a whole file.
    ///
    /// @param tensors the tensors' bytes, little-endian, in the order of the plan
    public static void write(Path file, List<Planned> plan, Map<String, String> metadata, List<MemorySegment> tensors) {
        if (plan.size() != tensors.size()) {
            throw new IllegalArgumentException(
                    String.format(Locale.ROOT, "%d tensors planned, %d given", plan.size(), tensors.size()));
        }
        try (SafetensorsWriter writer = create(file, plan, metadata)) {
            for (int i = 0; i < tensors.size(); i++) {
                writer.append(plan.get(i).name(), tensors.get(i));
            }
            writer.finish();
        }
    }

    /// Writes the next piece of a tensor.
    ///
    /// @param name its name
    /// @param bytes elements, little-endian
    /// @throws IllegalArgumentException if there is no such tensor, or it has fewer bytes
    /// @throws StorageException if the file cannot be written
    public void append(String name, MemorySegment bytes) {
        Unwritten tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException("tensor '%s' is not planned".formatted(name));
        }
        if (bytes.byteSize() > tensor.bytes) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "tensor '%s': planned %d bytes, found at least %d",
                    name,
                    tensor.planned.byteSize(),
                    tensor.written() + bytes.byteSize()));
        }
        try {
            pending.channel().position(tensor.end - tensor.bytes);
            for (long from = 0; from < bytes.byteSize(); from += PIECE) {
                MemorySegment piece = bytes.asSlice(from, Math.min(PIECE, bytes.byteSize() - from));
                AtomicFiles.writeFully(pending.channel(), view(piece));
            }
        } catch (IOException e) {
            requireReadable(bytes);
            throw new StorageException(file, e);
        }
        tensor.bytes -= bytes.byteSize();
    }

    /// Reads all of it. A source that has become shorter while it is mapped fails here as such, with the JVM's error
    /// for it; the system says of a write from there only that an address is bad.
    private static void requireReadable(MemorySegment bytes) {
        if (!bytes.isMapped()) {
            return;
        }
        MemorySegment copy = MemorySegment.ofArray(new byte[1 << 16]);
        for (long from = 0; from < bytes.byteSize(); from += copy.byteSize()) {
            MemorySegment.copy(bytes, from, copy, 0, Math.min(copy.byteSize(), bytes.byteSize() - from));
        }
    }

    /// Makes the file appear under its name.
    ///
    /// @throws IllegalStateException if bytes of a tensor were not written
    /// @throws StorageException if the file cannot be written
    public void finish() {
        for (Unwritten tensor : tensors.values()) {
            if (tensor.bytes > 0) {
                throw new IllegalStateException(String.format(
                        Locale.ROOT,
                        "tensor '%s': planned %d bytes, found %d",
                        tensor.planned.name(),
                        tensor.planned.byteSize(),
                        tensor.written()));
            }
        }
        try {
            pending.publish();
        } catch (IOException e) {
            throw new StorageException(file, e);
        }
    }

    /// Gives up an unfinished file; nothing of it stays.
    @Override
    public void close() {
        try {
            pending.close();
        } catch (IOException e) {
            throw new StorageException(file, e);
        }
    }

    // Arrays of anything but bytes have no byte view.
    private static ByteBuffer view(MemorySegment piece) {
        boolean viewable = piece.heapBase().map(byte[].class::isInstance).orElse(true);
        return viewable ? piece.asByteBuffer() : ByteBuffer.wrap(piece.toArray(ValueLayout.JAVA_BYTE));
    }

    private static byte[] header(List<Planned> plan, Map<String, String> metadata) {
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        if (!metadata.isEmpty()) {
            ObjectNode texts = root.putObject(SafetensorsHeader.METADATA);
            new TreeMap<>(metadata).forEach(texts::put);
        }
        Set<String> names = new HashSet<>();
        long begin = 0;
        for (Planned tensor : plan) {
            if (!names.add(tensor.name()) || tensor.name().equals(SafetensorsHeader.METADATA)) {
                throw new IllegalArgumentException("tensor '%s' is planned twice".formatted(tensor.name()));
            }
            if (!Printable.isUnicode(tensor.name())) {
                throw new IllegalArgumentException(
                        "tensor name %s holds half a surrogate pair".formatted(Printable.quoted(tensor.name())));
            }
            ObjectNode entry = root.putObject(tensor.name());
            entry.put("dtype", tensor.dtype().name());
            var shape = entry.putArray("shape");
            tensor.shape().dims().forEach(shape::add);
            long end = Math.addExact(begin, tensor.byteSize());
            entry.putArray("data_offsets").add(begin).add(end);
            begin = end;
        }
        byte[] json = root.toString().getBytes(StandardCharsets.UTF_8);
        int aligned = Math.ceilDiv(json.length, ALIGNMENT) * ALIGNMENT;
        byte[] padded = Arrays.copyOf(json, aligned);
        Arrays.fill(padded, json.length, aligned, (byte) ' ');
        return padded;
    }
}
