package io.github.steelyard.model;

import io.github.steelyard.site.ModuleInfo;
import java.util.List;
import java.util.Optional;

/// What a residual block adds to the residual stream: `x ← x + body(norm(x))`.
public sealed interface Body permits SequenceBody, CorpusBody {

    /// Returns what it is, for people: `attention`, `moe`, `mamba2`, …
    String kind();

    /// Returns the modules that can carry quantizers, in the order in which they run.
    List<ModuleInfo> modules();

    /// Returns the linear layers, in the order in which they run.
    List<Linear> linears();

    /// Returns the tensors besides the modules' weights that this body reads.
    List<ExpectedTensor> tensors();

    /// Returns the linear layers that read the normalised rows, where nothing else does; else none. A factor for each
    /// channel of their input can then be one of the norm's weight.
    default List<Linear> normReaders() {
        return List.of();
    }

    /// Returns two linear layers of which each output feature of the first is a factor of that input feature of the
    /// second; empty if there are none. A factor for each of these inputs can then be one of the first one's rows.
    default Optional<Passage> passage() {
        return Optional.empty();
    }

    /// Two linear layers with nothing but products, feature by feature, and sums over tokens between them.
    record Passage(Linear first, Linear second) {}
}
