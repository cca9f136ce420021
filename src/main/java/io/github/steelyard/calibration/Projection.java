package io.github.steelyard.calibration;

import io.github.steelyard.site.ExpertPart;
import io.github.steelyard.site.ModuleInfo;

/// The same product of all experts of a layer.
record Projection(String group, ExpertPart.Product product) {

    /// Returns that of a module of an expert.
    static Projection of(ModuleInfo module) {
        ExpertPart part = module.expert().orElseThrow();
        return new Projection(part.group(), part.product());
    }
}
