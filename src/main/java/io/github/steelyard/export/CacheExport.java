package io.github.steelyard.export;

import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.calibration.SiteScale;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.checkpoint.Finding;
import io.github.steelyard.format.Fp8;
import io.github.steelyard.model.ModuleInfo;
import io.github.steelyard.model.Role;
import io.github.steelyard.model.Site;
import io.github.steelyard.model.Weights;
import io.github.steelyard.quant.QuantFormat;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/// The scales of the key and value cache: `amax / 448` for FP8 and for NVFP4, at the names that servers look up.
///
/// A server knows one switch for the whole model, so either every attention module has both scales or none has. A
/// pinned amax is written like any other: a server that finds no scale assumes 1.
///
/// @param format `FP8` or `NVFP4`; empty if the cache is not quantised
/// @param tensors the scales
/// @param replaced names of the source's tensors that are not copied
record CacheExport(Optional<String> format, List<OutputTensor> tensors, Set<String> replaced) {

    private static final List<String> SOURCE_NAMES =
            List.of(".k_proj.k_scale", ".v_proj.v_scale", ".k_scale", ".v_scale");

    static CacheExport of(
            List<ModuleInfo> modules,
            Function<Site, Optional<QuantFormat>> plan,
            ScaleTable scales,
            Weights weights,
            List<Refusal> refusals,
            List<Finding> findings) {
        List<ModuleInfo> attentions = modules.stream()
                .filter(module -> module.kind() == ModuleInfo.Kind.ATTENTION)
                .toList();
        List<Site> quantised = attentions.stream()
                .flatMap(module -> module.cacheSites(site -> plan.apply(site).isPresent()).stream())
                .filter(site -> plan.apply(site).isPresent())
                .toList();
        if (quantised.isEmpty()) {
            return asInTheSource(attentions, weights, findings);
        }
        if (quantised.size() != 2 * attentions.size()) {
            refusals.add(new Refusal(
                    quantised.getFirst().name(),
                    "the key and value cache is quantised at %d of %d sites, and servers know only all or none"
                            .formatted(quantised.size(), 2 * attentions.size())));
        }
        List<OutputTensor> tensors = new ArrayList<>();
        Set<String> replaced = new LinkedHashSet<>();
        for (Site site : quantised) {
            Optional<SiteScale> scale = scales.at(site);
            if (scale.isEmpty()) {
                refusals.add(new Refusal(site.name(), "has no calibrated amax"));
            } else {
                tensors.add(OutputTensor.scalar(
                        tensorName(site), Fp8.scale(scale.get().amax())));
            }
            replaced.addAll(sourceNames(site.module(), weights.checkpoint()));
        }
        Optional<String> format = plan.apply(quantised.getFirst()).map(QuantFormat::name);
        return new CacheExport(format, tensors, replaced);
    }

    /// Returns the name of the tensor that holds the scale of a key or value site, or of the two that latent attention
    /// caches in their place: servers read it there and give it to latent and rotated key alike.
    static String tensorName(Site site) {
        boolean key = site.role() == Role.KEY || site.role() == Role.LATENT;
        return site.module() + (key ? ".k_proj.k_scale" : ".v_proj.v_scale");
    }

    private static boolean isKeyOrValue(Site site) {
        return site.role() == Role.KEY || site.role() == Role.VALUE;
    }

    /// The cache of the source: its scales, and the 1 that servers assume where it promises a format and has no scale,
    /// as
    /// ModelOpt's `*_cast` recipes do.
    private static CacheExport asInTheSource(List<ModuleInfo> attentions, Weights weights, List<Finding> findings) {
        Optional<String> declared = weights.checkpoint().quantization().kvCache();
        if (declared.isEmpty()) {
            return new CacheExport(declared, List.of(), Set.of());
        }
        List<OutputTensor> tensors = new ArrayList<>();
        Set<String> replaced = new LinkedHashSet<>();
        for (ModuleInfo attention : attentions) {
            for (Site site :
                    attention.sites().stream().filter(CacheExport::isKeyOrValue).toList()) {
                String bare = attention.name() + (site.role() == Role.KEY ? ".k_scale" : ".v_scale");
                if (weights.checkpoint().has(tensorName(site))) {
                    continue;
                }
                if (weights.checkpoint().has(bare)) {
                    float scale = weights.vector(
                                    bare, weights.checkpoint().tensor(bare).shape())[0];
                    tensors.add(OutputTensor.scalar(tensorName(site), scale));
                    replaced.add(bare);
                } else {
                    tensors.add(OutputTensor.scalar(tensorName(site), 1));
                    findings.add(Finding.warning(
                            "cache-scale-assumed",
                            tensorName(site),
                            "%s: the source promises a cache in %s without this scale; servers assume 1, which is written"
                                    .formatted(tensorName(site), declared.get())));
                }
            }
        }
        return new CacheExport(declared, tensors, replaced);
    }

    private static List<String> sourceNames(String attention, Checkpoint checkpoint) {
        return SOURCE_NAMES.stream()
                .map(suffix -> attention + suffix)
                .filter(checkpoint::has)
                .toList();
    }
}
