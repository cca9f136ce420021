package io.github.steelyard.audit;

import io.github.steelyard.census.StoredModule;
import io.github.steelyard.census.StoredModules;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Part;

/// Scales beside a weight that is not quantised, or beside none.
record OrphanScales() implements Check {

    @Override
    public void run(Subject subject, Findings findings) {
        for (StoredModule module : subject.stored().all()) {
            if (!module.isQuantised()) {
                String message = module.weight().isEmpty()
                        ? "scales without their weight"
                        : "scales beside weights that are not quantised";
                module.parts().forEach((part, tensor) -> {
                    if (isOfALinear(part)) {
                        findings.each(FindingCode.SCALE_ORPHAN, message, tensor.name());
                    }
                });
            }
        }
    }

    /// Returns whether this is such a tensor: it is reported as that, and as nothing else.
    static boolean is(TensorInfo tensor, StoredModules stored) {
        return stored.moduleOf(tensor.name())
                        .filter(module -> !module.isQuantised())
                        .isPresent()
                && stored.partOf(tensor.name())
                        .filter(OrphanScales::isOfALinear)
                        .isPresent();
    }

    private static boolean isOfALinear(Part part) {
        return switch (part) {
            case WEIGHT_SCALE,
                    WEIGHT_SCALE_2,
                    WEIGHT_SCALE_INV,
                    WEIGHT_GLOBAL_SCALE,
                    WEIGHT_ZERO_POINT,
                    INPUT_SCALE,
                    INPUT_GLOBAL_SCALE -> true;
            case WEIGHT, WEIGHT_PACKED, BLOCKS, WEIGHT_SHAPE, SCALES, K_SCALE, V_SCALE, OTHER_SCALE -> false;
        };
    }
}
