package io.github.steelyard.audit;

import io.github.steelyard.census.StoredModule;
import io.github.steelyard.census.StoredModule.Stored;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.model.JoinedProjections;
import io.github.steelyard.weights.WeightTensors.Kind;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// Scales of modules that a server joins.
record JoinedScales() implements Check {

    @Override
    public void run(Subject subject, Findings findings) {
        for (StoredModule module : subject.stored().all()) {
            List<String> joined = JoinedProjections.of(module.name());
            if (joined.getFirst().equals(module.name())) {
                List<StoredModule> group = joined.stream()
                        .map(subject.stored()::find)
                        .flatMap(Optional::stream)
                        .filter(member -> member.kind().isPresent())
                        .toList();
                group.stream().skip(1).forEach(other -> compare(group.getFirst(), other, subject, findings));
            }
        }
    }

    private static void compare(StoredModule first, StoredModule other, Subject subject, Findings findings) {
        Kind kind = first.kind().orElseThrow();
        if (kind != other.kind().orElseThrow()) {
            findings.each(
                    FindingCode.GROUP_FORMATS_DIFFER,
                    "modules stored as %s, that servers join with modules stored as %s"
                            .formatted(other.kind().orElseThrow(), kind),
                    other.name());
        } else if (differ(scale(first), scale(other), subject)) {
            if (first.stored() == Stored.NVFP4) {
                findings.each(
                        FindingCode.GROUP_SCALES_DIFFER,
                        "modules whose weight_scale_2 is not that of those with the same input, while fused kernels"
                                + " have one for all",
                        other.name());
            } else {
                findings.mild()
                        .each(
                                FindingCode.GROUP_SCALES_DIFFER,
                                "modules whose weight_scale is not that of those with the same input: servers"
                                        + " requantise the smaller to the larger",
                                other.name());
            }
        }
        if (first.isQuantised() && differ(first.inputScale(), other.inputScale(), subject)) {
            findings.each(
                    FindingCode.GROUP_INPUT_SCALES_DIFFER,
                    "modules whose input scale is not that of those with the same input",
                    other.name());
        }
    }

    /// Returns the scale of the whole weight, where its format has one.
    private static Optional<TensorInfo> scale(StoredModule module) {
        return switch (module.kind().orElseThrow()) {
            case FP8_TENSOR -> module.scale();
            case NVFP4, NVFP4_PACKED -> module.globalScale();
            case PLAIN, FP8_CHANNEL, FP8_BLOCK, MXFP4, MXFP8, INT_PACKED -> Optional.empty();
        };
    }

    private static boolean differ(Optional<TensorInfo> one, Optional<TensorInfo> other, Subject subject) {
        List<Float> values = Stream.of(one, other)
                .flatMap(Optional::stream)
                .map(subject::single)
                .flatMap(Optional::stream)
                .toList();
        return values.size() == 2 && Float.compare(values.getFirst(), values.getLast()) != 0;
    }
}
