package io.github.steelyard.plan;

import io.github.steelyard.dialect.QuantAlgo;
import io.github.steelyard.format.Format;
import io.github.steelyard.quant.BlockSizes;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.Algorithm;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Rule;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.yaml.Position;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Whether a server can load what a plan describes.
final class ExportCheck {

    private final Plan plan;
    private final Problems problems;

    private ExportCheck(Plan plan) {
        this.plan = plan;
        problems = new Problems(plan.recipe().file());
    }

    /// @throws io.github.steelyard.recipe.RecipeException if it cannot
    static void check(Plan plan) {
        ExportCheck check = new ExportCheck(plan);
        check.algorithm();
        plan.modules().forEach(check::scheme);
        plan.modules().forEach(check::joined);
        check.experts();
        check.cache();
        check.problems.raise();
    }

    /// Factors of channels have a tensor in ModelOpt's layout, but none of the servers in the tables reads it.
    private void algorithm() {
        Algorithm algorithm = plan.recipe().algorithms().getFirst();
        if (algorithm.method() instanceof Algorithm.AwqLite) {
            factors(algorithm);
        }
        if (algorithm.method() instanceof Algorithm.SmoothQuant) {
            problems.add(
                    algorithm.at(),
                    "algorithm 'smoothquant'",
                    "no server reads the factors of its input channels; such a plan can be evaluated, or exported as"
                            + " scales, these factors among them");
        }
    }

    private void factors(Algorithm algorithm) {
        if (plan.recipe().export().format() != ExportOptions.Format.MODELOPT) {
            problems.add(
                    algorithm.at(),
                    "algorithm 'awq_lite'",
                    "export.format %s has no place for the factors of input channels; modelopt and scales have"
                            .formatted(plan.recipe().export().format().word()));
        }
        plan.modules().stream()
                .filter(module -> module.stacked().isPresent() && plan.scalesInput(module.name()))
                .findFirst()
                .ifPresent(
                        module -> problems.add(
                                position(module.name(), Role.WEIGHT),
                                module.name(),
                                "its experts lie in one tensor where servers load them, with no place for the factors of 'awq_lite'"));
    }

    private void scheme(ModuleInfo module) {
        Scheme scheme = plan.scheme(module.name());
        if (!scheme.isQuantised()) {
            return;
        }
        Role role = scheme.weight().isPresent() ? Role.WEIGHT : Role.INPUT;
        if (scheme.algorithm().isEmpty()) {
            problems.add(
                    position(module.name(), role),
                    module.name(),
                    "no server loads this pair of formats: %s; such a plan can be evaluated, or exported as scales"
                            .formatted(scheme));
        } else if (scheme.algorithm().filter(plan.dialect()::has).isEmpty()) {
            problems.add(
                    position(module.name(), role),
                    module.name(),
                    (scheme.weight().equals(Optional.of(Format.FP8))
                                                    && scheme.input().isEmpty()
                                            ? "no server loads this pair of formats from %s's format: %s;"
                                            : "%s's format has no name for this pair of formats: %s;")
                                    .formatted(plan.dialect().title(), scheme)
                            + " export.format can be another");
        } else if (scheme.algorithm().equals(Optional.of(QuantAlgo.W4A8_NVFP4)) && isStatic(module.name())) {
            problems.add(
                    position(module.name(), Role.WEIGHT),
                    module.name(),
                    "static blocks, but where the input is FP8 servers load those made of the weight alone"
                            + " (type: dynamic)");
        }
    }

    /// Servers keep some projections in one matrix.
    private void joined(ModuleInfo module) {
        Scheme scheme = plan.scheme(module.name());
        List<String> joined = module.joined();
        for (String peer : joined.subList(0, joined.indexOf(module.name()))) {
            if (plan.module(peer).isPresent() && isFourOverSix(peer) != isFourOverSix(module.name())) {
                problems.add(
                        position(module.name(), Role.WEIGHT),
                        module.name(),
                        "one of %s and this has four_over_six, but servers join them under one scale"
                                .formatted(peer.substring(parent(peer).length() + 1)));
            }
            if (plan.module(peer).isPresent() && !plan.scheme(peer).equals(scheme)) {
                problems.add(
                        position(module.name(), Role.WEIGHT),
                        module.name(),
                        "%s, but servers join it with %s, which has %s"
                                .formatted(scheme, peer.substring(parent(peer).length() + 1), plan.scheme(peer)));
            }
        }
    }

    private boolean isFourOverSix(String module) {
        return blocks(module).filter(BlockSizes::fourOverSix).isPresent();
    }

    private boolean isStatic(String module) {
        return plan.config(new Site(module, Role.WEIGHT))
                .filter(QuantizerConfig::hasStaticBlocks)
                .isPresent();
    }

    private Optional<BlockSizes> blocks(String module) {
        return plan.config(new Site(module, Role.WEIGHT)).flatMap(QuantizerConfig::blockSizes);
    }

    /// The experts of a layer, all projections, run in one kernel of one format.
    private void experts() {
        Map<String, ModuleInfo> first = new HashMap<>();
        for (ModuleInfo module : plan.modules()) {
            if (module.expert().isEmpty()) {
                continue;
            }
            ModuleInfo known = first.putIfAbsent(module.expert().get().group(), module);
            if (known != null
                    && module.stacked().isPresent()
                    && !blocks(known.name()).equals(blocks(module.name()))) {
                problems.add(
                        position(module.name(), Role.WEIGHT),
                        module.name(),
                        "other block_sizes than %s, but servers keep the experts of a layer in one tensor"
                                .formatted(known.name()));
            }
            if (known != null && !plan.scheme(known.name()).equals(plan.scheme(module.name()))) {
                problems.add(
                        position(module.name(), Role.WEIGHT),
                        module.name(),
                        "%s, but the experts of a layer share one format, and others have %s"
                                .formatted(plan.scheme(module.name()), plan.scheme(known.name())));
            }
        }
    }

    /// A server holds keys and values of all layers in one format.
    private void cache() {
        Optional<Format> format = plan.cacheFormat();
        if (format.isEmpty()) {
            return;
        }
        plan.modules().stream()
                .filter(module -> module.kind() == ModuleInfo.Kind.ATTENTION)
                .flatMap(module -> module.cacheSites(site -> plan.format(site).isPresent()).stream())
                .flatMap(site -> plan.decision(site).stream())
                .filter(decision -> decision.config().isEmpty())
                .forEach(decision -> problems.add(
                        decision.rule().map(Rule::at).orElse(null),
                        decision.site().name(),
                        "off, but others of the key and value cache are %s; servers hold the cache in one format"
                                .formatted(format.get())));
    }

    private @Nullable Position position(String module, Role role) {
        return plan.decision(new Site(module, role))
                .flatMap(Decision::rule)
                .map(Rule::at)
                .orElse(null);
    }

    private static String parent(String name) {
        int dot = name.lastIndexOf('.');
        return dot < 0 ? "" : name.substring(0, dot);
    }
}
