package io.github.steelyard.plan;

import io.github.steelyard.files.Printable;
import io.github.steelyard.model.ModuleInfo;
import io.github.steelyard.model.Role;
import io.github.steelyard.model.Site;
import io.github.steelyard.quant.QuantFormat;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.Rule;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeSet;

/// Whether one quantizer of a plan can be calibrated, faked and written.
final class SiteCheck {

    private static final Map<Role, Set<QuantFormat>> FORMATS = Map.of(
            Role.WEIGHT,
                    Set.of(
                            QuantFormat.FP8,
                            QuantFormat.FP8_PER_CHANNEL,
                            QuantFormat.FP8_BLOCK,
                            QuantFormat.NVFP4,
                            QuantFormat.MXFP4,
                            QuantFormat.MXFP8),
            Role.INPUT,
                    Set.of(
                            QuantFormat.FP8,
                            QuantFormat.FP8_DYNAMIC_TOKEN,
                            QuantFormat.NVFP4,
                            QuantFormat.MXFP4,
                            QuantFormat.MXFP8),
            Role.KEY, Set.of(QuantFormat.FP8, QuantFormat.NVFP4),
            Role.VALUE, Set.of(QuantFormat.FP8, QuantFormat.NVFP4),
            Role.LATENT, Set.of(QuantFormat.FP8, QuantFormat.NVFP4),
            Role.ROTATED_KEY, Set.of(QuantFormat.FP8, QuantFormat.NVFP4));

    private SiteCheck() {}

    /// Returns the configuration in force; empty if the quantizer is off or `problems` has the reason why it cannot be.
    static Optional<QuantizerConfig> config(ModuleInfo module, Site site, Verdict verdict, Problems problems) {
        boolean router = module.kind() == ModuleInfo.Kind.ROUTER; // stays as it is whatever a rule says
        if (!verdict.enable() || verdict.rule().isEmpty() || router) {
            return Optional.empty();
        }
        Rule rule = verdict.rule().get();
        Optional<String> trouble = trouble(module, site, verdict);
        trouble.ifPresent(message -> problems.add(rule.at(), site.name(), message));
        return trouble.isPresent()
                ? Optional.empty()
                : Optional.of(verdict.stages().getFirst().withEnable(true));
    }

    private static Optional<String> trouble(ModuleInfo module, Site site, Verdict verdict) {
        if (verdict.stages().isEmpty()) {
            return Optional.of("switched on, but no rule before gave it attributes (cfg)");
        }
        if (verdict.stages().size() > 1) {
            return Optional.of(String.format(
                    Locale.ROOT,
                    "%d quantizers in sequence are not supported; give one cfg",
                    verdict.stages().size()));
        }
        QuantizerConfig config = verdict.stages().getFirst();
        SortedMap<String, String> unsupported = config.unsupported();
        if (!unsupported.isEmpty()) {
            Map.Entry<String, String> first = unsupported.firstEntry();
            return Optional.of(
                    "attribute %s: %s is not supported".formatted(first.getKey(), Printable.brief(first.getValue())));
        }
        Set<QuantFormat> formats = FORMATS.getOrDefault(site.role(), Set.of());
        Optional<QuantFormat> format = config.format().filter(formats::contains);
        return format.isEmpty()
                ? Optional.of("no format for %s has the attributes (%s); possible are %s"
                        .formatted(words(site.role()), config, new TreeSet<>(formats)))
                : columns(module, format.get());
    }

    private static Optional<String> columns(ModuleInfo module, QuantFormat format) {
        int block = switch (format) {
            case NVFP4 -> 16;
            case MXFP4, MXFP8 -> 32;
            case FP8, FP8_PER_CHANNEL, FP8_BLOCK, FP8_DYNAMIC_TOKEN, FP8_DYNAMIC_GROUP -> 1;
        };
        return module.columns() % block == 0
                ? Optional.empty()
                : Optional.of(String.format(
                        Locale.ROOT,
                        "%s needs input features in multiples of %d, found %d",
                        format,
                        block,
                        module.columns()));
    }

    private static String words(Role role) {
        return switch (role) {
            case INPUT -> "an input";
            case WEIGHT -> "a weight";
            case KEY -> "a key cache";
            case VALUE -> "a value cache";
            case LATENT -> "a latent cache";
            case ROTATED_KEY -> "a rotated key cache";
        };
    }
}
