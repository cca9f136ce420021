package io.github.steelyard.plan;

import io.github.steelyard.files.Printable;
import io.github.steelyard.format.Format;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.Rule;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.stream.Stream;

/// Whether one quantizer of a plan can be calibrated, faked and written.
final class SiteCheck {

    /// Why attributes that would change a number are refused.
    private static final Map<String, String> REASONS = Map.of(
            "backend", "it names code of ModelOpt",
            "backend_extra_args", "it is for code of ModelOpt",
            "bias", "affine quantizers are not written",
            "block_sizes.scale_block_sizes", "scales of scales are as the format says",
            "calibrator", "it names code of ModelOpt; max and histogram are built in",
            "fake_quant", "a weight is encoded when it is written, and only then",
            "narrow_range", "codes reach from -2^(b-1) to 2^(b-1) - 1",
            "rotate", "rotations are not applied",
            "unsigned", "integers are signed");

    private SiteCheck() {}

    /// Returns the configuration in force; empty if the quantizer is off or `problems` has the reason why it cannot be.
    ///
    /// @param stored the format in which the checkpoint holds what is there, if it is not plain
    static Optional<QuantizerConfig> config(
            ModuleInfo module, Site site, Verdict verdict, Optional<Format> stored, Problems problems) {
        if (!verdict.enable() || verdict.rule().isEmpty()) {
            return Optional.empty();
        }
        if (verdict.asStored()) {
            return stored.filter(format -> isPossible(site.role(), format)).flatMap(QuantizerConfig::of);
        }
        Rule rule = verdict.rule().get();
        Optional<String> trouble = trouble(module, site, verdict);
        trouble.ifPresent(message -> problems.add(rule.at(), site.name(), message));
        return trouble.isPresent()
                ? Optional.empty()
                : Optional.of(inSequence(verdict.stages()).withEnable(true));
    }

    private static Optional<String> trouble(ModuleInfo module, Site site, Verdict verdict) {
        if (verdict.stages().isEmpty()) {
            return Optional.of("switched on, but no rule before gave it attributes (cfg)");
        }
        QuantizerConfig config = inSequence(verdict.stages());
        if (config.then().isPresent()
                && config.format().isEmpty()
                && config.unsupported().isEmpty()) {
            return Optional.of(String.format(
                    Locale.ROOT,
                    "%s: these %d quantizers in sequence make no format; INT4 in groups, then FP8 of the tensor do",
                    AttributeName.of(verdict.stages()),
                    verdict.stages().size()));
        }
        Optional<QuantizerConfig> pinned = verdict.stages().stream()
                .filter(stage -> config.then().isPresent() && stage.pinnedAmax().isPresent())
                .findFirst();
        if (pinned.isPresent()) {
            return Optional.of("%s: an amax of quantizers in sequence cannot be pinned"
                    .formatted(pinned.get().amax()));
        }
        SortedMap<String, String> unsupported = config.unsupported();
        if (!unsupported.isEmpty()) {
            Map.Entry<String, String> first = unsupported.firstEntry();
            return Optional.of("attribute %s: %s is not supported: %s"
                    .formatted(
                            first.getKey(),
                            Printable.brief(first.getValue()),
                            REASONS.getOrDefault(first.getKey(), "it would change what is written")));
        }
        if (config.isHistogram() && (site.role() == Role.WEIGHT || !config.hasTensorAmax())) {
            return Optional.of(
                    site.role() == Role.WEIGHT
                            ? "calibrator: histogram is for what is seen; a weight is known as a whole: use method mse"
                            : "calibrator: histogram has no effect: these attributes need no calibration");
        }
        if (config.isHistogram() && config.pinnedAmax().isPresent()) {
            return Optional.of("calibrator: histogram has no effect: amax is pinned");
        }
        if (config.isFourOverSix() && site.role() != Role.WEIGHT) {
            return Optional.of("four_over_six is for weights: %s have their scales made where they are quantised"
                    .formatted(words(site.role())));
        }
        Optional<Format> format = config.format().filter(found -> isPossible(site.role(), found));
        if (format.isPresent() && config.pinnedAmax().isPresent() && !config.hasTensorAmax()) {
            return Optional.of("%s: %s has no scale of the tensor that an amax would decide"
                    .formatted(config.amax(), format.get()));
        }
        return format.isEmpty()
                ? Optional.of("%s: no format for %s has the attributes (%s); possible are %s"
                        .formatted(AttributeName.of(config), words(site.role()), config, possible(site.role())))
                : columns(site.role() == Role.OUTPUT ? module.rows() : module.columns(), format.get());
    }

    private static boolean isPossible(Role role, Format format) {
        return switch (role) {
            case WEIGHT -> format.isWritten();
            case INPUT, OUTPUT -> format.isOfActivations();
            case KEY, VALUE, LATENT, ROTATED_KEY -> format == Format.FP8 || format == Format.NVFP4;
        };
    }

    private static List<Format> possible(Role role) {
        return Stream.of(Format.values())
                .filter(format -> isPossible(role, format))
                .toList();
    }

    private static QuantizerConfig inSequence(List<QuantizerConfig> stages) {
        QuantizerConfig last = stages.getLast();
        for (int i = stages.size() - 2; i >= 0; i--) {
            last = stages.get(i).then(last);
        }
        return last;
    }

    private static Optional<String> columns(int columns, Format format) {
        return format.fits(columns)
                ? Optional.empty()
                : Optional.of(String.format(
                        Locale.ROOT,
                        "%s needs input features in multiples of %d, found %d",
                        format,
                        format.block(),
                        columns));
    }

    private static String words(Role role) {
        return switch (role) {
            case INPUT -> "an input";
            case OUTPUT -> "an output";
            case WEIGHT -> "a weight";
            case KEY -> "a key cache";
            case VALUE -> "a value cache";
            case LATENT -> "a latent cache";
            case ROTATED_KEY -> "a rotated key cache";
        };
    }
}
