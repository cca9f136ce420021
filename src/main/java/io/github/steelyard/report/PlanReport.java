package io.github.steelyard.report;

import io.github.steelyard.checkpoint.ModelConfigs;
import io.github.steelyard.format.Format;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.plan.Decision;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.plan.PlanWarning;
import io.github.steelyard.plan.RuleUse;
import io.github.steelyard.recipe.Rule;
import io.github.steelyard.site.ExpertPart;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What will happen to a checkpoint, before any weight is read: the recipe's decisions, the serving engine's, and what
/// the calibration will take.
///
/// @param checkpoint the checkpoint's directory
/// @param family its model type
/// @param recipe the recipe's file; null without one
/// @param modules what each module is and becomes
/// @param sites the quantizers that are on, with what an engine shows of them
/// @param unusedRules rules that match nothing
/// @param serving what the engine does; null when no device was given
/// @param forecast what the calibration takes
public record PlanReport(
        String checkpoint,
        String family,
        @Nullable String recipe,
        List<Module> modules,
        List<Quantizer> sites,
        List<String> unusedRules,
        @Nullable ServingPlan serving,
        Forecast forecast) {

    /// A module before and after.
    ///
    /// @param module its name
    /// @param kind what it is
    /// @param before the format that the checkpoint declares
    /// @param weight planned weight format; `as it is` when nothing is planned; null for attention modules
    /// @param input planned input format; null for attention modules
    /// @param cache planned cache format; null for other modules
    /// @param rule the rule that decides about the weight, or about the key cache
    /// @param inputRule the rule that decides about the input, or about the value cache
    public record Module(
            String module,
            String kind,
            String before,
            @Nullable String weight,
            @Nullable String input,
            @Nullable String cache,
            String rule,
            String inputRule) {}

    /// A quantizer that is on.
    ///
    /// @param site its full name
    /// @param format its format
    /// @param measured whether its amax comes from calibration data
    /// @param rule the rule that decides
    /// @param engineVisibility what the serving engine shows of the tensor; null where no engine was asked, or outside
    ///     the experts, whose inputs any engine shows
    public record Quantizer(
            String site,
            String format,
            boolean measured,
            String rule,
            @Nullable String engineVisibility) {}

    private static final String AS_IT_IS = "as it is";
    private static final String NO_RULE = "no rule";
    private static final String ROUTER = "a router has no quantizer";

    /// Makes the report.
    public static PlanReport of(
            ModelConfigs configs,
            Decoder decoder,
            Optional<Plan> plan,
            Optional<ServingPlan> serving,
            Forecast forecast) {
        return new PlanReport(
                configs.directory().toString(),
                decoder.family(),
                plan.map(p -> p.recipe().file().toString()).orElse(null),
                modules(configs, decoder, plan),
                plan.map(p -> quantizers(p, serving)).orElse(List.of()),
                plan.map(PlanReport::unused).orElse(List.of()),
                serving.orElse(null),
                forecast);
    }

    /// Returns what each module is and becomes, in the model's order.
    public static List<Module> modules(ModelConfigs configs, Decoder decoder, Optional<Plan> plan) {
        return decoder.modules().stream()
                .map(module -> module(module, configs, plan))
                .toList();
    }

    private static Module module(ModuleInfo info, ModelConfigs configs, Optional<Plan> plan) {
        boolean cache = info.kind() == ModuleInfo.Kind.ATTENTION;
        List<Site> cached =
                info.cacheSites(site -> plan.flatMap(p -> p.format(site)).isPresent());
        Role first = cache ? cached.getFirst().role() : Role.WEIGHT;
        Role second = cache ? cached.getLast().role() : Role.INPUT;
        return new Module(
                info.name(),
                info.kind().name().toLowerCase(Locale.ROOT),
                cache
                        ? configs.quantization().kvCache().orElse("as stored")
                        : ExpertFormat.name(configs.quantization().declarationOf(info.name())),
                cache ? null : format(plan, info, Role.WEIGHT),
                cache ? null : format(plan, info, Role.INPUT),
                cache ? format(plan, info, first) : null,
                rule(plan, info, first),
                rule(plan, info, second));
    }

    private static String format(Optional<Plan> plan, ModuleInfo info, Role role) {
        return plan.flatMap(p -> p.format(new Site(info.name(), role)))
                .map(Format::name)
                .orElse(AS_IT_IS);
    }

    private static String rule(Optional<Plan> plan, ModuleInfo info, Role role) {
        if (info.kind() == ModuleInfo.Kind.ROUTER) {
            return ROUTER;
        }
        return plan.flatMap(p -> p.decision(new Site(info.name(), role)))
                .flatMap(Decision::rule)
                .map(Rule::label)
                .orElse(NO_RULE);
    }

    private static List<Quantizer> quantizers(Plan plan, Optional<ServingPlan> serving) {
        Map<String, ServingPlan.Layer> layers =
                serving.map(ServingPlan::byExperts).orElse(Map.of());
        List<Quantizer> on = new ArrayList<>();
        List<Site> measured = plan.measuredSites();
        Set<Site> fromData = Set.copyOf(measured);
        for (Decision decision : plan.decisions()) {
            Optional<Format> format = plan.format(decision.site());
            if (format.isPresent()) {
                on.add(new Quantizer(
                        decision.site().name(),
                        format.get().name(),
                        fromData.contains(decision.site()),
                        decision.rule().map(Rule::label).orElse(NO_RULE),
                        visibility(plan, decision.site(), layers)));
            }
        }
        return on;
    }

    private static @Nullable String visibility(Plan plan, Site site, Map<String, ServingPlan.Layer> layers) {
        ModuleInfo module = plan.module(site.module()).orElseThrow();
        if (site.role() != Role.INPUT || module.expert().isEmpty()) {
            return null;
        }
        ExpertPart part = module.expert().get();
        ServingPlan.Layer layer = layers.get(part.group());
        if (layer == null) {
            return null;
        }
        return part.product().isSecond() ? layer.w2Input() : layer.w13Input();
    }

    /// Returns what is odd about recipe and model. Rules that match nothing have their own list.
    public static List<PlanWarning> warnings(Plan plan) {
        return plan.warnings().stream()
                .filter(warning -> !warning.code().equals(PlanWarning.MATCHES_NOTHING))
                .toList();
    }

    private static List<String> unused(Plan plan) {
        return plan.rules().stream()
                .filter(use -> use.matched() == 0)
                .map(RuleUse::rule)
                .map(Rule::label)
                .toList();
    }

    /// Returns whether nothing stands in the way: the engine, if one was asked, serves every layer.
    public boolean passed() {
        return serving == null || serving.served();
    }

    /// Returns the report for people; modules that are alike but for layer and expert are told once.
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add("plan for %s (%s)%s".formatted(checkpoint, family, recipe == null ? "" : " with " + recipe));
        lines.addAll(rows(modules));
        if (!unusedRules.isEmpty()) {
            lines.add("matches nothing: " + String.join(", ", unusedRules));
        }
        if (serving == null) {
            lines.add("serving: no device given (--device sm100)");
        } else {
            lines.addAll(ServingText.lines(serving));
        }
        lines.addAll(forecast.lines());
        return lines;
    }

    /// Returns a line for modules that are alike but for layer and expert.
    static List<String> rows(List<Module> modules) {
        Map<List<String>, Integer> counts = new LinkedHashMap<>();
        for (Module module : modules) {
            counts.merge(row(module), 1, Integer::sum);
        }
        List<String> lines = new ArrayList<>();
        counts.forEach((row, count) -> lines.add(String.format(
                Locale.ROOT, "%8d  %-58s %-13s -> %-42s %s", count, row.get(0), row.get(1), row.get(2), row.get(3))));
        return lines;
    }

    private static List<String> row(Module module) {
        String after = module.cache != null
                ? "cache " + module.cache
                : "weight %s, input %s".formatted(module.weight, module.input);
        String rules =
                module.rule.equals(module.inputRule) ? module.rule : "%s; %s".formatted(module.rule, module.inputRule);
        return List.of(module.module.replaceAll("\\.[0-9]+(?=\\.)", ".*"), module.before, after, rules);
    }
}
