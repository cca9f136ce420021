package io.github.steelyard.audit;

import io.github.steelyard.census.StoredModule;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.Part;
import io.github.steelyard.files.Printable;
import io.github.steelyard.format.E4m3;
import io.github.steelyard.format.Format.Coding;
import io.github.steelyard.format.Nvfp4;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/// Input scales that look like a default, or that are far from all others.
///
/// A default scale is not seen in accuracy when it is too large, so it must be found here.
record ScaleDefaults() implements Check {

    /// An expert's scale this far from the median of its layer is suspicious.
    private static final double FAR = 1e4;

    /// From this many sites on, equal scales everywhere are suspicious.
    private static final int MANY = 4;

    private static final Set<Double> DEFAULT_AMAX = Set.of(0.1, 0.5, 1.0);

    /// The static scale of an input.
    private record Scale(TensorInfo tensor, float stored, float value, float range) {

        double amax() {
            return (double) value * range;
        }

        boolean isDefault() {
            return stored == 1 || DEFAULT_AMAX.stream().anyMatch(amax -> value == (float) (amax / range));
        }
    }

    @Override
    public void run(Subject subject, Findings findings) {
        Map<String, Map<String, Scale>> inputs = new TreeMap<>();
        for (StoredModule module : subject.stored().all()) {
            input(module, subject).ifPresent(scale -> {
                warnOfDefault(scale, findings);
                inputs.computeIfAbsent(peers(module.name()), absent -> new TreeMap<>())
                        .put(module.name(), scale);
            });
        }
        inputs.values().forEach(peers -> warnOfOutliers(peers, findings));
        warnOfEquality(inputs, findings);
    }

    private static Optional<Scale> input(StoredModule module, Subject subject) {
        if (!module.isQuantised()) {
            return Optional.empty();
        }
        float range = module.is(Coding.NVFP4) ? Nvfp4.RANGE : E4m3.MAX;
        boolean reciprocal = !module.has(Part.INPUT_SCALE);
        return module.inputScale()
                .flatMap(tensor -> subject.single(tensor)
                        .filter(stored -> stored >= Float.MIN_NORMAL && Float.isFinite(stored))
                        .map(stored -> new Scale(tensor, stored, reciprocal ? 1 / stored : stored, range)));
    }

    private static void warnOfDefault(Scale scale, Findings findings) {
        if (scale.isDefault()) {
            findings.each(
                    FindingCode.SCALE_DEFAULT,
                    String.format(
                            Locale.ROOT,
                            "scale %s looks like a default (amax %.4g), not like a measurement",
                            scale.stored(),
                            scale.amax()),
                    scale.tensor().name());
        }
    }

    private static void warnOfOutliers(Map<String, Scale> peers, Findings findings) {
        double[] sorted =
                peers.values().stream().mapToDouble(Scale::amax).sorted().toArray();
        double median = sorted[sorted.length / 2];
        for (Scale scale : peers.values()) {
            if (scale.amax() > median * FAR || scale.amax() < median / FAR) {
                findings.tensor(
                        FindingCode.SCALE_OUTLIER,
                        scale.tensor().file(),
                        scale.tensor().name(),
                        String.format(
                                Locale.ROOT,
                                "means an amax of %.3g, where the layer's experts have %.3g in the middle",
                                scale.amax(),
                                median));
            }
        }
    }

    /// Sites of one projection in different layers that all have the same scale were given it, not measured.
    private static void warnOfEquality(Map<String, Map<String, Scale>> inputs, Findings findings) {
        Map<String, Set<Float>> values = new TreeMap<>();
        Map<String, Integer> layers = new TreeMap<>();
        inputs.values().forEach(peers -> {
            String first = peers.keySet().iterator().next();
            String leaf = first.substring(first.lastIndexOf('.') + 1);
            layers.merge(leaf, 1, Integer::sum);
            Set<Float> seen = values.computeIfAbsent(leaf, absent -> new HashSet<>());
            peers.values().forEach(scale -> seen.add(scale.value()));
        });
        values.forEach((leaf, seen) -> {
            int count = layers.getOrDefault(leaf, 0);
            if (count >= MANY && seen.size() == 1) {
                findings.here(
                        FindingCode.SCALE_EQUAL,
                        leaf,
                        String.format(
                                Locale.ROOT,
                                "%s: the input scale is %s in each of %d layers: a default?",
                                Printable.of(leaf),
                                seen.iterator().next(),
                                count));
            }
        });
    }

    /// `model.layers.0.mlp.experts.3.down_proj` and the same projection of the layer's other experts.
    private static String peers(String module) {
        int leaf = module.lastIndexOf('.');
        int owner = module.lastIndexOf('.', leaf - 1);
        boolean numbered = owner >= 0
                && leaf > owner + 1
                && module.substring(owner + 1, leaf).chars().allMatch(c -> c >= '0' && c <= '9');
        return numbered ? module.substring(0, owner) + module.substring(leaf) : module;
    }
}
