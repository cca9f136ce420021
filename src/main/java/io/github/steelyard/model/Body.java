package io.github.steelyard.model;

import io.github.steelyard.site.ModuleInfo;
import java.util.List;

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
}
