package io.github.steelyard.export;

import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.checkpoint.ShardPlan;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/// Writes tensors as `model.safetensors`, or as numbered shards with an index when they are more than one file may
/// hold. Inside a file tensors of wide elements come first, as the safetensors library writes them, so that every
/// tensor is aligned for its type.
final class ShardFiles {

    private static final Map<String, String> METADATA = Map.of("format", "pt");

    private static final Comparator<OutputTensor> WIDE_FIRST = Comparator.comparingInt(
                    (OutputTensor tensor) -> -tensor.dtype().bits())
            .thenComparing(OutputTensor::name);

    private final Path directory;
    private final ExportRun options;

    ShardFiles(Path directory, ExportRun options) {
        this.directory = directory;
        this.options = options;
    }

    /// Returns the names of the files of these tensors.
    List<String> names(List<OutputTensor> tensors) {
        return ShardPlan.of(planned(tensors), options.shardBytes()).shards().stream()
                .map(ShardPlan.Shard::fileName)
                .toList();
    }

    /// Writes everything and returns the names of the files.
    List<String> write(List<OutputTensor> tensors) {
        ShardPlan plan = ShardPlan.of(planned(tensors), options.shardBytes());
        List<String> names = new ArrayList<>();
        int first = 0;
        for (ShardPlan.Shard shard : plan.shards()) {
            int end = first + shard.tensors().size();
            List<OutputTensor> ordered =
                    tensors.subList(first, end).stream().sorted(WIDE_FIRST).toList();
            Path file = directory.resolve(shard.fileName());
            try (SafetensorsWriter writer = SafetensorsWriter.create(file, planned(ordered), METADATA)) {
                ordered.forEach(tensor -> write(writer, tensor));
                writer.finish();
            }
            names.add(shard.fileName());
            first = end;
        }
        plan.writeIndex(directory);
        return names;
    }

    private static List<Planned> planned(List<OutputTensor> tensors) {
        return tensors.stream()
                .map(tensor -> new Planned(tensor.name(), tensor.dtype(), tensor.shape()))
                .toList();
    }

    /// Makes as many pieces at a time as there are threads, and writes them in order: memory stays bounded, and the
    /// bytes do not depend on the threads.
    private void write(SafetensorsWriter writer, OutputTensor tensor) {
        TensorContent content = tensor.content();
        int pieces = content.pieces();
        for (int first = 0; first < pieces; first += options.threads()) {
            List<ByteBuffer> made = IntStream.range(first, Math.min(first + options.threads(), pieces))
                    .parallel()
                    .mapToObj(content::piece)
                    .toList();
            made.forEach(piece -> writer.append(tensor.name(), MemorySegment.ofBuffer(piece)));
        }
        writer.end(tensor.name());
        options.progress().accept(tensor.byteSize());
    }
}
