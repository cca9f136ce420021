package io.github.steelyard.onednn;

import io.github.steelyard.onednn.OneDnn.Product;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;

/// What one thread needs to run oneDNN: a stream, staging memory outside the heap for one tile of `A` and `C`, and the
/// memory objects of each product.
///
/// oneDNN reads its arguments through objects that outlive a call, so they cannot lie on the heap, where the collector
/// moves them.
final class OneDnnWorker {

    private static final int ALIGNMENT = 64;

    private final OneDnn library;
    private final MemorySegment stream;
    private final Map<Product, Arguments> arguments = new HashMap<>();
    private MemorySegment source = MemorySegment.NULL;
    private MemorySegment target = MemorySegment.NULL;
    private MemorySegment scratchpad = MemorySegment.NULL;

    private record Arguments(
            MemorySegment source,
            MemorySegment weights,
            MemorySegment target,
            MemorySegment scratchpad,
            MemorySegment list) {

        static final int COUNT = 4;
    }

    OneDnnWorker(OneDnn library) {
        this.library = library;
        // The collector releases it after the last use of the returned segment.
        this.stream = library.stream().reinterpret(Arena.ofAuto(), library::releaseStream);
    }

    /// Returns staging memory for `A`, at least `floats` long.
    MemorySegment source(long floats) {
        source = grown(source, 4 * floats);
        return source;
    }

    /// Returns staging memory for `C`, at least `floats` long.
    MemorySegment target(long floats) {
        target = grown(target, 4 * floats);
        return target;
    }

    /// Runs a product on the staging memory.
    void execute(Product product, MemorySegment weights) {
        Arguments own = arguments.computeIfAbsent(product, this::arguments);
        scratchpad = grown(scratchpad, product.scratchpadBytes());
        library.setData(own.source, source);
        library.setData(own.weights, weights);
        library.setData(own.target, target);
        library.setData(own.scratchpad, scratchpad);
        library.useOneThread();
        library.execute(product, stream, Arguments.COUNT, own.list);
    }

    private Arguments arguments(Product product) {
        MemorySegment list = Arena.ofAuto().allocate(Arguments.COUNT * OneDnn.ARGUMENT_BYTES, Long.BYTES);
        return new Arguments(
                argument(list, 0, OneDnn.ARG_SOURCE, product.source()),
                argument(list, 1, OneDnn.ARG_WEIGHTS, product.weights()),
                argument(list, 2, OneDnn.ARG_TARGET, product.target()),
                argument(list, 3, OneDnn.ARG_SCRATCHPAD, product.scratchpad()),
                list);
    }

    private MemorySegment argument(MemorySegment list, int index, int kind, MemorySegment descriptor) {
        MemorySegment memory = library.memory(descriptor).reinterpret(Arena.ofAuto(), library::releaseMemory);
        list.set(ValueLayout.JAVA_INT, index * OneDnn.ARGUMENT_BYTES, kind);
        list.set(ValueLayout.ADDRESS, index * OneDnn.ARGUMENT_BYTES + Long.BYTES, memory);
        return memory;
    }

    private static MemorySegment grown(MemorySegment old, long bytes) {
        return old.byteSize() >= bytes && old.address() != 0
                ? old
                : Arena.ofAuto().allocate(Math.max(ALIGNMENT, bytes), ALIGNMENT);
    }
}
