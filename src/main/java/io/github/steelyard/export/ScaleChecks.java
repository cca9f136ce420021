package io.github.steelyard.export;

import io.github.steelyard.checkpoint.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;

/// Looks at the value of every scale: what no calibration can have measured is an error, what looks like a default is a
/// warning.
///
/// A default scale is not seen in accuracy when it is too large, so it must be found here.
final class ScaleChecks {

    /// Amax outside `2^-40 … 2^40` is no measurement but uninitialised memory.
    private static final double PLAUSIBLE = 0x1p40;

    /// An expert's scale this far from the median of its layer is suspicious.
    private static final double FAR = 1e4;

    /// From this many sites on, equal scales everywhere are suspicious.
    private static final int MANY = 4;

    private static final Set<Double> DEFAULT_AMAX = Set.of(0.1, 0.5, 1.0);

    private final Findings findings;
    private final Predicate<TensorInfo> readable;

    ScaleChecks(Findings findings) {
        this(findings, tensor -> true);
    }

    /// @param readable whether the bytes of a scale tensor are to be looked at
    ScaleChecks(Findings findings, Predicate<TensorInfo> readable) {
        this.findings = findings;
        this.readable = readable;
    }

    void check(Collection<StoredModule> modules) {
        Map<String, Map<String, StoredModule.Scale>> inputs = new TreeMap<>();
        for (StoredModule module : modules) {
            if (!module.isQuantised()) {
                continue;
            }
            module.weightScale().ifPresent(this::requirePlausible);
            module.tensors().scale().filter(readable).ifPresent(scale -> checkScaleTensor(module, scale));
            module.inputScale().ifPresent(scale -> {
                if (requirePlausible(scale)) {
                    warnOfDefault(scale);
                    inputs.computeIfAbsent(peers(module.name()), absent -> new TreeMap<>())
                            .put(module.name(), scale);
                }
            });
        }
        inputs.values().forEach(this::warnOfOutliers);
        warnOfEquality(inputs);
    }

    /// Reports a scale that no amax can have led to; returns whether it is sound.
    boolean requirePlausible(StoredModule.Scale scale) {
        float stored = scale.stored();
        String problem = null;
        if (!Float.isFinite(stored)) {
            problem = "is not finite";
        } else if (stored <= 0) {
            problem = "is not positive";
        } else if (stored < Float.MIN_NORMAL) {
            problem = "is subnormal: never written after a measurement";
        } else if (scale.amax() > PLAUSIBLE || scale.amax() < 1 / PLAUSIBLE) {
            problem = String.format(Locale.ROOT, "means an amax of %.3g: never measured", scale.amax());
        }
        if (problem != null) {
            findings.error("scale-invalid", scale.tensor(), "scale %s %s".formatted(stored, problem));
        }
        return problem == null;
    }

    private void warnOfDefault(StoredModule.Scale scale) {
        boolean isDefault = scale.stored() == 1
                || DEFAULT_AMAX.stream().anyMatch(amax -> scale.value() == (float) (amax / scale.range()));
        if (isDefault) {
            findings.warning(
                    "scale-default",
                    scale.tensor(),
                    String.format(
                            Locale.ROOT,
                            "scale %s looks like a default (amax %.4g), not like a measurement",
                            scale.stored(),
                            scale.amax()));
        }
    }

    private void warnOfOutliers(Map<String, StoredModule.Scale> peers) {
        double[] sorted = peers.values().stream()
                .mapToDouble(StoredModule.Scale::amax)
                .sorted()
                .toArray();
        double median = sorted[sorted.length / 2];
        for (StoredModule.Scale scale : peers.values()) {
            if (scale.amax() > median * FAR || scale.amax() < median / FAR) {
                findings.warning(
                        "scale-outlier",
                        scale.tensor(),
                        String.format(
                                Locale.ROOT,
                                "means an amax of %.3g, where the layer's experts have %.3g in the middle",
                                scale.amax(),
                                median));
            }
        }
    }

    /// Sites of one projection in different layers that all have the same scale were given it, not measured.
    private void warnOfEquality(Map<String, Map<String, StoredModule.Scale>> inputs) {
        Map<String, Set<Float>> values = new TreeMap<>();
        Map<String, Integer> layers = new TreeMap<>();
        inputs.values().forEach(peers -> {
            String first = peers.keySet().iterator().next();
            String leaf = first.substring(first.lastIndexOf('.') + 1);
            layers.merge(leaf, 1, Integer::sum);
            Set<Float> seen = values.computeIfAbsent(leaf, absent -> new LinkedHashSet<>());
            peers.values().forEach(scale -> seen.add(scale.value()));
        });
        values.forEach((leaf, seen) -> {
            int count = layers.getOrDefault(leaf, 0);
            if (count >= MANY && seen.size() == 1) {
                findings.warning(
                        "scale-equal",
                        leaf,
                        String.format(
                                Locale.ROOT,
                                "the input scale is %s in each of %d layers: a default?",
                                seen.iterator().next(),
                                count));
            }
        });
    }

    private void checkScaleTensor(StoredModule module, TensorInfo scale) {
        switch (scale.dtype()) {
            case F8_E4M3 -> checkE4m3(module, scale);
            case U8, F8_E8M0 -> checkE8m0(module, scale);
            case F32, BF16, F16 -> checkFloats(module, scale);
            default ->
                findings.error("scale-invalid", scale.name(), "no scale is stored as %s".formatted(scale.dtype()));
        }
    }

    private void checkFloats(StoredModule module, TensorInfo scale) {
        float[] values = module.values(scale);
        long bad = 0;
        for (float value : values) {
            bad += Float.isFinite(value) && value >= Float.MIN_NORMAL ? 0 : 1;
        }
        if (bad > 0 && values.length > 1) {
            findings.error(
                    "scale-invalid",
                    scale.name(),
                    String.format(Locale.ROOT, "%d of %d scales are not positive and finite", bad, values.length));
        }
    }

    private void checkE4m3(StoredModule module, TensorInfo scale) {
        long[] counts = histogram(module.weights().checkpoint().bytes(scale));
        long nan = counts[0x7f] + counts[0xff];
        long negative = Arrays.stream(counts, 0x80, 0xff).sum();
        if (nan + negative > 0) {
            findings.error(
                    "scale-invalid",
                    scale.name(),
                    String.format(Locale.ROOT, "%d block scales are NaN and %d negative", nan, negative));
        }
        if (counts[0] > 0) {
            findings.warning(
                    "block-scale-zero",
                    scale.name(),
                    String.format(Locale.ROOT, "%d block scales are zero", counts[0]));
        }
    }

    private void checkE8m0(StoredModule module, TensorInfo scale) {
        long nan = histogram(module.weights().checkpoint().bytes(scale))[0xff];
        if (nan > 0) {
            findings.error("scale-invalid", scale.name(), String.format(Locale.ROOT, "%d block scales are NaN", nan));
        }
    }

    /// Returns how often each byte occurs.
    static long[] histogram(MemorySegment bytes) {
        long[] counts = new long[256];
        for (long i = 0; i < bytes.byteSize(); i++) {
            counts[bytes.get(ValueLayout.JAVA_BYTE, i) & 0xff]++;
        }
        return counts;
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
