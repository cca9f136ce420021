package io.github.steelyard.matrix;

import java.util.HashMap;
import java.util.Map;

/// What one worker thread needs for `Gemm`: scratch memory, kept from call to call, and the state of the products that
/// it computes with. Memory grows and never shrinks. Not thread-safe.
public final class Workspace implements AutoCloseable {

    private final Map<MatrixProduct, State> states = new HashMap<>();
    private float[] decoded = new float[0];
    private float[] wide = new float[0];

    /// @param second where `Gemm.multiply` packs its second matrix
    private record State(MatrixProduct.Worker worker, PackedWeight second) {}

    /// Returns `old`, or a new array if that is shorter than `size`.
    public static float[] grown(float[] old, int size) {
        return old.length < size ? new float[size] : old;
    }

    /// Returns an array of at least `size` floats, with undefined contents, for rows of a weight.
    float[] decoded(int size) {
        decoded = grown(decoded, size);
        return decoded;
    }

    /// Returns an array of at least `size` floats, with undefined contents, for results that need cutting.
    public float[] wide(int size) {
        wide = grown(wide, size);
        return wide;
    }

    public MatrixProduct.Worker worker(MatrixProduct product) {
        return state(product).worker;
    }

    public PackedWeight second(MatrixProduct product) {
        return state(product).second;
    }

    private State state(MatrixProduct product) {
        return states.computeIfAbsent(product, p -> new State(p.newWorker(), new PackedWeight()));
    }

    /// Gives back the memory outside the heap.
    @Override
    public void close() {
        for (State state : states.values()) {
            state.second.close();
            state.worker.close();
        }
        states.clear();
    }
}
