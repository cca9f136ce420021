package io.github.steelyard.run;

import io.github.steelyard.checkpoint.Digests;
import io.github.steelyard.checkpoint.SafetensorsFile;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.statistics.StatisticsException;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What a finished run solved, as it lies in its directory.
public final class SolvedTensors implements AutoCloseable {

    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final List<SafetensorsFile> files = new ArrayList<>();
    private final Map<String, SafetensorsFile> tensors = new HashMap<>(); // file by tensor

    /// Returns nothing.
    public static SolvedTensors none() {
        return new SolvedTensors();
    }

    /// Opens what the manifest of a run names, nothing where it names nothing.
    ///
    /// @throws StatisticsException if a file is missing, damaged, or not the one that the manifest names
    public static SolvedTensors open(RunDirectory run) {
        SolvedTensors opened = new SolvedTensors();
        try {
            run.manifest().solved().forEach((name, digest) -> opened.add(run, name, digest));
            return opened;
        } catch (RuntimeException e) {
            opened.close();
            throw e;
        }
    }

    /// Opens one file that was written just now.
    public static SolvedTensors ofFile(Path path) {
        SolvedTensors opened = new SolvedTensors();
        opened.add(path);
        return opened;
    }

    private void add(RunDirectory run, String name, String digest) {
        Path path = run.solvedDirectory().resolve(Path.of(name).getFileName());
        try {
            String found = Digests.ofFile(path);
            if (!digest.equals(found)) {
                throw new StatisticsException(
                        path, "expected SHA-256 %s as in manifest.json, found %s".formatted(digest, found));
            }
            add(path);
        } catch (CheckpointException e) {
            throw new StatisticsException(path, e.problem(), e);
        }
    }

    private void add(Path path) {
        SafetensorsFile file = SafetensorsFile.open(path);
        files.add(file);
        if (!SolvedFile.VERSION.equals(file.metadata().get("version"))) {
            throw new StatisticsException(
                    path,
                    "version: expected %s, found %s"
                            .formatted(SolvedFile.VERSION, file.metadata().get("version")));
        }
        file.tensors().keySet().forEach(tensor -> tensors.put(tensor, file));
    }

    /// Returns whether nothing was solved.
    public boolean isEmpty() {
        return tensors.isEmpty();
    }

    /// Returns the bytes of a tensor, empty if it was not solved.
    ///
    /// @throws StatisticsException if it has another type or shape
    public Optional<MemorySegment> bytes(String module, String part, DType dtype, Shape shape) {
        String name = module + "." + part;
        SafetensorsFile file = tensors.get(name);
        if (file == null) {
            return Optional.empty();
        }
        TensorInfo found = file.tensors().get(name);
        if (found == null || found.dtype() != dtype || !found.shape().equals(shape)) {
            throw new StatisticsException(
                    file.file(), "tensor '%s': expected %s %s, found %s".formatted(name, dtype, shape, found));
        }
        return Optional.of(file.bytes(name));
    }

    /// Returns the values of a vector, empty if it was not solved.
    ///
    /// @throws StatisticsException if it has another type or length
    public Optional<float[]> floats(String module, String part, int length) {
        return bytes(module, part, DType.F32, Shape.of(length)).map(found -> found.toArray(F32));
    }

    @Override
    public void close() {
        files.forEach(SafetensorsFile::close);
    }
}
