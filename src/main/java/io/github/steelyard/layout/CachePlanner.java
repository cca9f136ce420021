package io.github.steelyard.layout;

import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.SiteScale;
import io.github.steelyard.census.CacheScales;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.TensorInfo;
import io.github.steelyard.dialect.CacheNames;
import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.files.GroupedFindings;
import io.github.steelyard.format.Format;
import io.github.steelyard.format.Fp8;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.tensor.DType;
import io.github.steelyard.tensor.Shape;
import io.github.steelyard.weights.Weights;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/// Decides about the scales of the key and value cache: `amax / 448` for FP8 and for NVFP4, at the names that servers
/// look up.
///
/// A server knows one switch for the whole model, so either every attention module has both scales or none has. A
/// pinned amax is written like any other: a server that finds no scale assumes 1.
public final class CachePlanner {

    private final Layout layout;
    private final Weights weights;
    private final List<Refusal> refusals;
    private final GroupedFindings findings;

    /// @param refusals receives whatever cannot be written
    /// @param findings receives what a person should know
    public CachePlanner(Dialect.Written dialect, Weights weights, List<Refusal> refusals, GroupedFindings findings) {
        this.layout = new Layout(dialect);
        this.weights = weights;
        this.refusals = refusals;
        this.findings = findings;
    }

    /// Decides what is written.
    ///
    /// @param plan the formats of sites
    public CacheExport plan(List<ModuleInfo> modules, Function<Site, Optional<Format>> plan, ScaleTable scales) {
        List<ModuleInfo> attentions = modules.stream()
                .filter(module -> module.kind() == ModuleInfo.Kind.ATTENTION)
                .toList();
        List<Site> quantised = attentions.stream()
                .flatMap(module -> module.cacheSites(site -> plan.apply(site).isPresent()).stream())
                .filter(site -> plan.apply(site).isPresent())
                .toList();
        if (quantised.isEmpty()) {
            return asInTheSource(attentions);
        }
        if (quantised.size() != 2 * attentions.size()) {
            refusals.add(new Refusal(
                    quantised.getFirst().name(),
                    String.format(
                            Locale.ROOT,
                            "the key and value cache is quantised at %d of %d sites, and servers know only all or none",
                            quantised.size(),
                            2 * attentions.size())));
        }
        List<OutputTensors> tensors = new ArrayList<>();
        Set<String> replaced = new LinkedHashSet<>();
        for (Site site : quantised) {
            Optional<SiteScale> scale = scales.at(site);
            if (scale.isEmpty()) {
                refusals.add(new Refusal(site.name(), "has no calibrated amax"));
            } else {
                tensors.add(
                        layout.single(tensorName(site), Fp8.scale(scale.get().amax())));
            }
            replaced.addAll(sourceNames(site.module(), weights.checkpoint()));
        }
        Optional<String> format = plan.apply(quantised.getFirst()).map(Format::name);
        requireDeclarable(format, quantised.getFirst());
        return new CacheExport(format, false, tensors, replaced);
    }

    /// Returns the name of the tensor that holds the scale of a key or value site, or of the two that latent attention
    /// caches in their place: servers read it there and give it to latent and rotated key alike.
    public static String tensorName(Dialect.Written dialect, Site site) {
        boolean key = site.role() == Role.KEY || site.role() == Role.LATENT;
        return dialect.cacheScale(site.module(), key);
    }

    private String tensorName(Site site) {
        return tensorName(layout.dialect(), site);
    }

    private void requireDeclarable(Optional<String> format, Site site) {
        format.filter(declared -> !layout.dialect().hasCache(declared))
                .ifPresent(declared -> refusals.add(new Refusal(
                        site.name(),
                        "%s's format has no name for a key and value cache in %s"
                                .formatted(layout.dialect().title(), declared))));
    }

    /// Writes the source's scales under the names that servers look up. A promise without scales is made good: servers
    /// take 1, so 1 is written.
    private CacheExport asInTheSource(List<ModuleInfo> attentions) {
        Checkpoint checkpoint = weights.checkpoint();
        Optional<String> declared = checkpoint.quantization().kvCache();
        List<OutputTensors> tensors = new ArrayList<>();
        Set<String> replaced = new LinkedHashSet<>();
        if (declared.isEmpty()) {
            return new CacheExport(declared, false, tensors, replaced);
        }
        boolean perHead = layout.dialect().hasCachePerHead() && isPerHead(attentions);
        Set<String> wanted = new HashSet<>();
        for (ModuleInfo attention : attentions) {
            for (Site site : attention.cacheSites(quantised -> false)) {
                wanted.add(tensorName(site));
                requireDeclarable(declared, site);
                Optional<TensorInfo> stored = CacheScales.find(checkpoint, attention.name(), site.role() == Role.KEY);
                boolean asServersWant = stored.isPresent()
                        && stored.get().name().equals(tensorName(site))
                        && (perHead
                                ? stored.get().shape().equals(headShape(stored.get()))
                                : stored.get().shape().elements() == 1);
                if (!asServersWant) {
                    tensors.add(
                            perHead
                                    ? heads(site, stored.orElseThrow())
                                    : layout.single(tensorName(site), scale(site, stored)));
                }
            }
            replaced.addAll(sourceNames(attention.name(), checkpoint));
        }
        Set<String> written = new HashSet<>();
        tensors.forEach(made -> made.names().forEach(written::add));
        replaced.removeIf(name -> wanted.contains(name) && !written.contains(name));
        return new CacheExport(declared, perHead, tensors, replaced);
    }

    /// A config says this of all attention modules at once.
    private boolean isPerHead(List<ModuleInfo> attentions) {
        return attentions.stream()
                .flatMap(attention -> Stream.of(true, false)
                        .map(key -> CacheScales.find(weights.checkpoint(), attention.name(), key)))
                .allMatch(scale -> scale.isPresent() && scale.get().shape().elements() > 1);
    }

    private static Shape headShape(TensorInfo stored) {
        return Shape.of(stored.shape().elements(), 1, 1);
    }

    /// Returns the scales of all heads `(heads, 1, 1)`.
    private OutputTensors heads(Site site, TensorInfo stored) {
        List<Float> values = new ArrayList<>();
        for (float value : weights.vector(stored.name(), stored.shape())) {
            values.add(value);
        }
        return OutputTensors.of(tensorName(site), DType.F32, headShape(stored), new TensorContent.Floats(values));
    }

    private float scale(Site site, Optional<TensorInfo> stored) {
        if (stored.isEmpty()) {
            findings.warning(
                    "cache-scale-assumed",
                    tensorName(site),
                    "the source promises a quantised cache without scales; 1 is written, which servers take");
            return 1;
        }
        float[] values = weights.vector(stored.get().name(), stored.get().shape());
        float largest = 0;
        for (float value : values) {
            largest = Math.max(largest, value);
        }
        if (values.length > 1) {
            findings.warning(
                    "cache-scale-per-head",
                    tensorName(site),
                    "the source has a cache scale for each head; the largest is written, since servers read one");
        }
        return largest;
    }

    private static List<String> sourceNames(String attention, Checkpoint checkpoint) {
        return CacheNames.all(attention).stream().filter(checkpoint::has).toList();
    }
}
