package io.github.steelyard.solve;

import io.github.steelyard.format.StoredWeight;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import java.util.List;
import java.util.Optional;

/// Solves something for a module by its weight and what its inputs look like: codes, scales, factors of channels.
/// Called
/// by several threads at once.
public interface Solver {

    /// Returns what has to be known of the inputs of a module; empty if it is not solved.
    Optional<Observed> observed(ModuleInfo module);

    /// Returns the tensors that are solved for a module, in the order in which [Prepared#solve] returns their bytes.
    List<Part> parts(ModuleInfo module);

    /// Does what modules with the same input have in common.
    ///
    /// @param moments of the input; empty where no token came
    Prepared prepare(ModuleInfo module, Optional<InputMoments> moments, Desk desk);

    /// One of the tensors that are solved for a module.
    ///
    /// @param name what follows the module's name and a dot
    record Part(String name, DType dtype, Shape shape) {}

    /// What was prepared for modules with the same input.
    interface Prepared {

        /// Returns the bytes of each part, little-endian.
        ///
        /// @param weight the module's weight `(rows, columns)`
        List<byte[]> solve(ModuleInfo module, StoredWeight weight, Desk desk);
    }
}
