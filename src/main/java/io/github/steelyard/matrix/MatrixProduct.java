package io.github.steelyard.matrix;

import java.util.List;

/// One implementation of the float32 matrix product `C = A Wᵀ`, as opened by a [GemmProvider]. Callers use it through
/// `Gemm`, which checks arguments, so that what is said of them here holds.
///
/// A product owns the layout of its weights ([Weight]) and what one thread needs to compute with them ([Worker]).
/// Whatever it is handed of either was made by itself. The product itself is shared by all threads.
///
/// Extents are those of a linear layer: `A (m, k)` holds `m` tokens of `k` input features, `W (n, k)` has `n` output
/// features, `C` is `(m, n)`.
public interface MatrixProduct {

    /// Slices of a weight begin at multiples of this output feature.
    int ROW_STEP = 64;

    /// Returns a short name with the version of what computes, for log, provenance and the run's key: `onednn-3.11.0`.
    /// Runs under different names are never mixed.
    String name();

    /// Returns what does the work on this machine, in one line, for log and provenance.
    String detail();

    /// Returns what this product promises about rows. It is held to it: [RowPromise#SAME_BITS] is what makes
    /// statistics the same bytes for any batching.
    RowPromise rows();

    /// Returns up to how many floats in `W` a product of two matrices that are both computed is left to the fastest
    /// product on the heap: for small ones, as in recurrences, copying costs more than it gains. 0 to take all.
    default int smallest() {
        return 0;
    }

    /// Returns what people should know of how the products so far were computed, one line each: weights that had to
    /// take a slower way, and why. Empty if there is nothing to tell.
    default List<String> remarks() {
        return List.of();
    }

    /// Returns an empty weight. Called by any thread.
    Weight newWeight();

    /// Returns the state of one more thread. Called by any thread.
    Worker newWorker();

    /// A weight `(n, k)` in the layout that this product reads fastest. It is filled again and again: its memory should
    /// grow and never shrink. Filled by one thread, then read by many at once.
    interface Weight extends AutoCloseable {

        /// Returns the bytes held, on and off the heap.
        long bytes();

        /// Gives back the memory outside the heap; nobody is reading it. May be called more than once, and the weight
        /// may be filled anew afterwards.
        @Override
        void close();
    }

    /// What one thread at a time computes with: scratch memory, handles.
    interface Worker extends AutoCloseable {

        /// Brings a weight into this product's layout, replacing what `target` held.
        ///
        /// @param source the weight, at least one row and one column
        /// @param target made by [MatrixProduct#newWeight]
        void pack(WeightSource source, Weight target);

        /// Computes `C = A Wᵀ`, or adds it to `C`, in the calling thread alone.
        ///
        /// @param a `(m, k)`, `m` at least 1
        /// @param w a part `(n, k)` of a packed weight, at least one row and one column; its first row is a
        ///     multiple of [#ROW_STEP]
        /// @param c `(m, n)`; does not overlap `a`
        void multiply(Matrix a, PackedWeight.Slice w, Update update, Matrix c);

        /// Computes the products of the same rows with several weights, to the bits of one product after the other. A
        /// product that copies or converts rows before it multiplies them need do so only once.
        ///
        /// @param a `(m, k)`, `m` at least 1
        /// @param parts at least one, each as above and with `k` columns
        /// @param c `(m, n)`, the results of the parts side by side; does not overlap `a`
        default void multiply(Matrix a, List<PackedWeight.Slice> parts, Update update, Matrix c) {
            int from = 0;
            for (PackedWeight.Slice part : parts) {
                multiply(a, part, update, c.columnRange(from, from + part.rows()));
                from += part.rows();
            }
        }

        /// Gives back the memory outside the heap. Not used afterwards.
        @Override
        void close();
    }
}
