package io.github.steelyard.audit;

import io.github.steelyard.census.CacheScales;
import io.github.steelyard.census.StoredModule;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.dialect.CacheNames;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.site.ModuleInfo;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/// The scales of keys and values against what the config promises.
///
/// Names alone do not tell which modules have a cache: vision towers and prediction layers have a `k_proj` too. Where
/// the model is not known, a scale that is not there is no more than a warning.
record CachePromise() implements Check {

    /// Modules that only an attention has: what holds one has keys and values.
    private static final List<String> ATTENTION = List.of("k_proj", "kv_b_proj", "kv_a_proj_with_mqa");

    @Override
    public void run(Subject subject, Findings findings) {
        Checkpoint checkpoint = subject.checkpoint();
        Optional<String> promised = checkpoint.quantization().kvCache();
        Findings missing = subject.decoder().isPresent() ? findings : findings.mild();
        for (String attention : attentions(subject)) {
            boolean keys = CacheScales.find(checkpoint, attention, true).isPresent();
            boolean values = CacheScales.find(checkpoint, attention, false).isPresent();
            if (promised.isPresent()) {
                String message = "a KV cache in %s is declared, scales that are not there: a server assumes 1"
                        .formatted(promised.get());
                for (boolean key : new boolean[] {true, false}) {
                    if (key ? !keys : !values) {
                        missing.each(FindingCode.CACHE_SCALE_MISSING, message, CacheNames.ofModelOpt(attention, key));
                    }
                }
            } else if (keys != values) {
                findings.each(
                        FindingCode.CACHE_SCALE_MISSING,
                        "attention modules that have only one of k_scale and v_scale",
                        attention);
            } else if (keys) {
                findings.each(
                        FindingCode.CACHE_UNDECLARED,
                        "attention modules that have k_scale and v_scale, though the config declares no cache format",
                        attention);
            }
        }
    }

    private static Iterable<String> attentions(Subject subject) {
        Optional<Decoder> decoder = subject.decoder();
        if (decoder.isPresent()) {
            return decoder.get().modules().stream()
                    .filter(module -> module.kind() == ModuleInfo.Kind.ATTENTION)
                    .map(ModuleInfo::name)
                    .toList();
        }
        TreeSet<String> found = new TreeSet<>();
        for (StoredModule module : subject.stored().all()) {
            int leaf = module.name().lastIndexOf('.');
            if (leaf > 0 && ATTENTION.contains(module.name().substring(leaf + 1))) {
                found.add(module.name().substring(0, leaf));
            }
        }
        return found;
    }
}
