package io.github.steelyard.export;

import io.github.steelyard.checkpoint.SafetensorsWriter;
import io.github.steelyard.checkpoint.SafetensorsWriter.Planned;
import io.github.steelyard.checkpoint.ShardPlan;
import io.github.steelyard.files.NaturalOrder;
import io.github.steelyard.layout.OutputTensors;
import io.github.steelyard.layout.TensorContent;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/// Writes tensors as `model.safetensors`, or as numbered shards with an index when they are more than one file may
/// hold. Inside a file tensors of wide elements come first, as the safetensors library writes them, so that every
/// tensor is aligned for its type.
public final class ShardFiles {

    private static final Map<String, String> METADATA = Map.of("format", "pt");

    private static final Comparator<Planned> WIDE_FIRST =
            Comparator.comparingInt((Planned tensor) -> -tensor.dtype().bits()).thenComparing(Planned::name);

    private final Path directory;
    private final ExportRun options;

    public ShardFiles(Path directory, ExportRun options) {
        this.directory = directory;
        this.options = options;
    }

    /// Returns the names of the files of these tensors.
    public List<String> names(List<OutputTensors> outputs) {
        return plan(outputs).shards().stream().map(ShardPlan.Shard::fileName).toList();
    }

    /// Layers stay together, in the order of their numbers, so that a shard holds whole layers.
    private ShardPlan plan(List<OutputTensors> outputs) {
        return ShardPlan.of(
                outputs.stream()
                        .flatMap(made -> made.tensors().stream())
                        .sorted(Comparator.comparing(Planned::name, NaturalOrder.INSTANCE))
                        .toList(),
                options.shardBytes());
    }

    /// Writes everything. What is made together is written together, into two files where one ends between codes and
    /// scales; a file is there as soon as it is complete.
    void write(List<OutputTensors> outputs) {
        ShardPlan plan = plan(outputs);
        Map<String, ShardPlan.Shard> shards = new HashMap<>(); // by tensor
        Map<String, Integer> missing = new HashMap<>(); // tensors that are to come, by file
        for (ShardPlan.Shard shard : plan.shards()) {
            shard.tensors().forEach(tensor -> shards.put(tensor.name(), shard));
            missing.put(shard.fileName(), shard.tensors().size());
        }
        Map<String, SafetensorsWriter> open = new LinkedHashMap<>(); // by file
        try {
            for (OutputTensors made : inOrder(outputs)) {
                List<String> places = new ArrayList<>();
                List<SafetensorsWriter> writers = new ArrayList<>();
                for (Planned tensor : made.tensors()) {
                    ShardPlan.Shard shard = Objects.requireNonNull(shards.get(tensor.name()));
                    places.add(shard.fileName());
                    writers.add(open.computeIfAbsent(shard.fileName(), absent -> create(shard)));
                }
                write(made, writers);
                for (int i = 0; i < places.size(); i++) {
                    if (missing.merge(places.get(i), -1, Integer::sum) == 0) {
                        writers.get(i).finish();
                        open.remove(places.get(i));
                    }
                }
            }
        } finally {
            open.values().forEach(SafetensorsWriter::close);
        }
        plan.writeIndex(directory);
    }

    private static List<OutputTensors> inOrder(List<OutputTensors> outputs) {
        return outputs.stream()
                .sorted(Comparator.comparing(made -> made.tensors().getFirst().name(), NaturalOrder.INSTANCE))
                .toList();
    }

    private SafetensorsWriter create(ShardPlan.Shard shard) {
        List<Planned> ordered = shard.tensors().stream().sorted(WIDE_FIRST).toList();
        return SafetensorsWriter.create(directory.resolve(shard.fileName()), ordered, METADATA);
    }

    /// Makes as many pieces at a time as there are threads, and writes them in order: memory stays bounded, and the
    /// bytes do not depend on the threads.
    ///
    /// @param writers of the file of each tensor
    private void write(OutputTensors made, List<SafetensorsWriter> writers) {
        TensorContent content = made.content();
        int pieces = content.pieces();
        for (int first = 0; first < pieces; first += options.threads()) {
            List<List<ByteBuffer>> ready = IntStream.range(first, Math.min(first + options.threads(), pieces))
                    .parallel()
                    .mapToObj(content::piece)
                    .toList();
            for (List<ByteBuffer> piece : ready) {
                for (int i = 0; i < piece.size(); i++) {
                    writers.get(i).append(made.tensors().get(i).name(), MemorySegment.ofBuffer(piece.get(i)));
                }
            }
        }
        options.progress().accept(made.byteSize());
    }
}
