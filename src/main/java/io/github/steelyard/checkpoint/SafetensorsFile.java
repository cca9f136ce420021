package io.github.steelyard.checkpoint;

import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.FileProblem;
import io.github.steelyard.files.Finding;
import io.github.steelyard.files.Printable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// One safetensors file: its header is read and checked at once, its data are mapped when first asked for.
///
/// Links are followed, since a hub cache is made of them. Thread-safe, except that nobody may use the bytes after
/// [#close].
public final class SafetensorsFile implements AutoCloseable {

    private final Path file;
    private final long size; // bytes
    private final FileTime modified;
    private final NavigableMap<String, TensorInfo> tensors;
    private final Map<String, String> metadata;
    private final List<Finding> findings;
    private final Arena arena = Arena.ofShared();
    private @Nullable MemorySegment mapped; // guarded by this

    private SafetensorsFile(Path file, BasicFileAttributes attributes, SafetensorsHeader header) {
        this.file = file;
        this.size = attributes.size();
        this.modified = attributes.lastModifiedTime();
        this.metadata = header.metadata();
        this.findings = header.findings();
        NavigableMap<String, TensorInfo> byName = new TreeMap<>();
        header.tensors().forEach(tensor -> byName.put(tensor.name(), tensor));
        this.tensors = Collections.unmodifiableNavigableMap(byName);
    }

    /// Opens a file and reads its header; no data are read.
    ///
    /// @throws CheckpointException if it is not a sound safetensors file
    public static SafetensorsFile open(Path file) {
        BasicFileAttributes attributes = FileProblem.regularFile(file);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return new SafetensorsFile(file, attributes, SafetensorsHeader.read(file, channel, attributes.size()));
        } catch (IOException e) {
            throw FileProblem.describe(file, e);
        }
    }

    /// Returns the path as it was given.
    public Path file() {
        return file;
    }

    /// Returns the file's size in bytes when it was opened.
    public long size() {
        return size;
    }

    /// Returns the tensors by name.
    public NavigableMap<String, TensorInfo> tensors() {
        return tensors;
    }

    /// Returns the texts under `__metadata__`.
    public Map<String, String> metadata() {
        return metadata;
    }

    /// Returns what is odd but harmless about the header.
    public List<Finding> findings() {
        return findings;
    }

    /// Returns a tensor's bytes, little-endian, read-only, valid until [#close].
    ///
    /// @throws CheckpointException if the file is no longer the one that was opened
    public MemorySegment bytes(TensorInfo tensor) {
        requireUnchanged();
        return mapping().asSlice(tensor.offset(), tensor.byteSize());
    }

    /// Returns the bytes of the tensor of this name.
    ///
    /// @throws CheckpointException if there is none
    public MemorySegment bytes(String name) {
        TensorInfo tensor = tensors.get(name);
        if (tensor == null) {
            throw new CheckpointException(file, "tensor %s is missing".formatted(Printable.quoted(name)));
        }
        return bytes(tensor);
    }

    @Override
    public void close() {
        arena.close();
    }

    // Reading a mapped page beyond the end of a file that was cut is a fault of the whole process; to look before is
    // cheap, and turns nearly all such cases into an error.
    private void requireUnchanged() {
        try {
            BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
            if (now.size() != size || !now.lastModifiedTime().equals(modified)) {
                throw new CheckpointException(
                        file,
                        String.format(
                                Locale.ROOT,
                                "changed while it was in use: %d bytes when opened, %d bytes now",
                                size,
                                now.size()));
            }
        } catch (IOException e) {
            throw FileProblem.describe(file, e);
        }
    }

    private synchronized MemorySegment mapping() {
        MemorySegment whole = mapped;
        if (whole == null) {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                whole = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
            } catch (IOException e) {
                throw FileProblem.describe(file, e);
            }
            mapped = whole;
        }
        return whole;
    }
}
