package io.github.steelyard.audit;

import io.github.steelyard.census.StoredModule;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.format.Format.Coding;
import io.github.steelyard.site.JoinedProjections;
import io.github.steelyard.weights.WeightTensors;
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
                        .filter(member -> member.tensors().isPresent())
                        .toList();
                group.stream().skip(1).forEach(other -> compare(group.getFirst(), other, subject, findings));
            }
        }
    }

    private static void compare(StoredModule first, StoredModule other, Subject subject, Findings findings) {
        WeightTensors weight = first.tensors().orElseThrow();
        WeightTensors others = other.tensors().orElseThrow();
        if (!weight.label().equals(others.label())) {
            findings.each(
                    FindingCode.GROUP_FORMATS_DIFFER,
                    "modules stored as %s, that servers join with modules stored as %s"
                            .formatted(others.label(), weight.label()),
                    other.name());
        } else if (differ(weight.tensorScale(), others.tensorScale(), subject)) {
            if (first.is(Coding.NVFP4)) {
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

    private static boolean differ(Optional<TensorInfo> one, Optional<TensorInfo> other, Subject subject) {
        List<Float> values = Stream.of(one, other)
                .flatMap(Optional::stream)
                .map(subject::single)
                .flatMap(Optional::stream)
                .toList();
        return values.size() == 2 && Float.compare(values.getFirst(), values.getLast()) != 0;
    }
}
