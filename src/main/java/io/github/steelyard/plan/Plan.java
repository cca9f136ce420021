package io.github.steelyard.plan;

import io.github.steelyard.dialect.Dialect;
import io.github.steelyard.format.Arithmetic;
import io.github.steelyard.format.Format;
import io.github.steelyard.quant.AmaxSource;
import io.github.steelyard.quant.QuantizerConfig;
import io.github.steelyard.recipe.Algorithm;
import io.github.steelyard.recipe.ExportOptions;
import io.github.steelyard.recipe.Recipe;
import io.github.steelyard.recipe.Rule;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/// A recipe resolved against one model: every site decided.
///
/// A plan is immutable. What it holds can be calibrated and faked; whether a server can load it is asked apart, with
/// [#requireServable].
public final class Plan {

    /// A recipe whose rules switch nothing on under this word leaves outputs as they are.
    private static final String OUTPUT = "output";

    private static final String EMBEDDING = "nn.Embedding";

    private static final Set<Role> CACHE = Set.of(Role.KEY, Role.VALUE, Role.LATENT, Role.ROTATED_KEY);

    private final Recipe recipe;
    private final SequencedMap<String, ModuleInfo> modules;
    private final SequencedMap<Site, Decision> decisions;
    private final List<RuleUse> rules;
    private final List<PlanWarning> warnings;
    private final Optional<Format> cacheFormat;

    private Plan(
            Recipe recipe,
            SequencedMap<String, ModuleInfo> modules,
            SequencedMap<Site, Decision> decisions,
            List<RuleUse> rules,
            List<PlanWarning> warnings) {
        this.recipe = recipe;
        this.modules = Collections.unmodifiableSequencedMap(modules);
        this.decisions = Collections.unmodifiableSequencedMap(decisions);
        this.rules = List.copyOf(rules);
        this.warnings = List.copyOf(warnings);
        cacheFormat = cacheDecisions()
                .flatMap(decision -> decision.config().stream())
                .flatMap(config -> config.format().stream())
                .findFirst();
    }

    /// Resolves a recipe for a checkpoint without quantised weights.
    ///
    /// @param modules every module that can carry quantizers, in the model's order
    /// @throws io.github.steelyard.recipe.RecipeException as the other form does
    public static Plan of(Recipe recipe, List<ModuleInfo> modules) {
        return of(recipe, modules, Map.of());
    }

    /// Resolves a recipe.
    ///
    /// Routers have no quantizers: servers load them as they are, so no rule matches one. Outputs have some where a
    /// rule that switches on speaks of them.
    ///
    /// @param modules every module that can carry quantizers, in the model's order
    /// @param stored the format of each site that the checkpoint does not hold plain
    /// @throws io.github.steelyard.recipe.RecipeException if a rule switches on what cannot be calibrated, faked or
    ///     written, if a rule that switches on matches nothing and no quantizer of its kind is on (unless
    ///     `calibration.unmatched_rules` is `warn`), or if the cache formats differ
    public static Plan of(Recipe recipe, List<ModuleInfo> modules, Map<Site, Format> stored) {
        return of(recipe, modules, stored, Optional.empty());
    }

    /// Resolves a recipe, and says what it does not do to the embedding.
    ///
    /// @param embedding name of the table's module; servers read it as it is, so it is no module of a plan
    /// @throws io.github.steelyard.recipe.RecipeException as the other form does
    public static Plan of(
            Recipe recipe, List<ModuleInfo> modules, Map<Site, Format> stored, Optional<String> embedding) {
        Problems problems = new Problems(recipe.file());
        List<PlanWarning> warnings = new ArrayList<>();
        RuleBook book = new RuleBook(recipe.rules());
        boolean outputs = recipe.rules().stream()
                .anyMatch(rule -> rule.enable() && rule.pattern().contains(OUTPUT));
        SequencedMap<String, ModuleInfo> byName = new LinkedHashMap<>();
        SequencedMap<Site, Decision> decisions = new LinkedHashMap<>();
        for (ModuleInfo module : modules) {
            if (byName.putIfAbsent(module.name(), module) != null) {
                throw new IllegalArgumentException("module '%s' occurs twice".formatted(module.name()));
            }
            List<Site> sites = new ArrayList<>(module.kind() == ModuleInfo.Kind.ROUTER ? List.of() : module.sites());
            module.output().filter(site -> outputs).ifPresent(sites::add);
            for (Site site : sites) {
                Verdict verdict = book.decide(site, module);
                Optional<QuantizerConfig> config =
                        SiteCheck.config(module, site, verdict, Optional.ofNullable(stored.get(site)), problems);
                decisions.put(site, new Decision(site, verdict.rule(), config, verdict.asStored()));
            }
        }
        embedding.ifPresent(table -> embedding(new Site(table, Role.WEIGHT), recipe, book, warnings));
        List<RuleUse> uses = book.uses();
        RuleCheck.check(recipe, uses, decisions.values(), problems, warnings);
        RuleCheck.check(decisions.values(), warnings);
        StoredCheck.check(recipe, decisions.values(), stored, problems, warnings);
        AlgorithmCheck.check(recipe, decisions.values(), problems, warnings);
        warnOfSharing(recipe, modules, warnings);
        Plan plan = new Plan(recipe, byName, decisions, uses, warnings);
        plan.checkCache(problems);
        problems.raise();
        return plan;
    }

    /// Looks at what holds of a recipe's algorithms whatever the model, and returns what is odd but does no harm.
    ///
    /// @throws io.github.steelyard.recipe.RecipeException if Steelyard does not run one of them
    public static List<PlanWarning> algorithmWarnings(Recipe recipe) {
        Problems problems = new Problems(recipe.file());
        List<PlanWarning> warnings = new ArrayList<>();
        AlgorithmCheck.check(recipe, List.of(), problems, warnings);
        problems.raise();
        return warnings;
    }

    /// The weight of an embedding may be switched on, by a rule for all weights or by one of its own.
    private static void embedding(Site site, Recipe recipe, RuleBook book, List<PlanWarning> warnings) {
        Verdict verdict = new RuleBook(recipe.rules()).decide(site.name(), EMBEDDING);
        if (verdict.enable() && !verdict.stages().isEmpty()) {
            book.decide(site.name(), EMBEDDING); // so that its rule counts as one that matches something
            warnings.add(new PlanWarning(
                    "embedding.as_it_is",
                    site.name(),
                    "%s is on (%s), but servers read embeddings as they are, so it stays as it is"
                            .formatted(site.name(), AttributeName.of(verdict.stages()))));
        }
    }

    /// `sharing: expert` cannot be had where one tensor, with one input scale, holds all experts.
    private static void warnOfSharing(Recipe recipe, List<ModuleInfo> modules, List<PlanWarning> warnings) {
        if (recipe.export().sharing() == ExportOptions.Sharing.EXPERT
                && modules.stream().anyMatch(module -> module.stacked().isPresent())) {
            warnings.add(new PlanWarning(
                    "export.sharing_is_layer",
                    "export.sharing",
                    "servers keep the experts of this model in one tensor for each projection, with one input scale; "
                            + "sharing: layer says the same"));
        }
    }

    /// Returns the recipe.
    public Recipe recipe() {
        return recipe;
    }

    /// Returns the modules, in the model's order.
    public Collection<ModuleInfo> modules() {
        return modules.values();
    }

    /// Returns the module with this name.
    public Optional<ModuleInfo> module(String name) {
        return Optional.ofNullable(modules.get(name));
    }

    /// Returns a decision for each site, in the model's order.
    public Collection<Decision> decisions() {
        return decisions.values();
    }

    /// Returns the decision for `site`; empty if the model has no such site.
    public Optional<Decision> decision(Site site) {
        return Optional.ofNullable(decisions.get(site));
    }

    /// Returns the quantizer at `site`; empty if it is off or the model has no such site.
    public Optional<QuantizerConfig> config(Site site) {
        return decision(site).flatMap(Decision::config);
    }

    /// Returns the format at `site`; empty if nothing is quantised there.
    public Optional<Format> format(Site site) {
        return config(site).flatMap(QuantizerConfig::format);
    }

    /// Returns the formats of a linear module's weight and input.
    public Scheme scheme(String module) {
        Optional<QuantizerConfig> weight = config(new Site(module, Role.WEIGHT));
        Optional<Format> format = weight.flatMap(QuantizerConfig::format);
        return new Scheme(
                format,
                format(new Site(module, Role.INPUT)),
                format.filter(Format::hasOpenBlock).isPresent()
                        ? weight.orElseThrow().block()
                        : 0,
                scalesInput(module));
    }

    /// Returns whether the input of a module is multiplied by factors of its channels, and its weight by their inverse:
    /// what AWQ does to all weights that are not shipped as they are stored.
    public boolean scalesInput(String module) {
        return recipe.algorithms().getFirst().method() instanceof Algorithm.AwqLite
                && config(new Site(module, Role.WEIGHT)).isPresent()
                && !keepsWeight(module);
    }

    /// Returns whether a linear module's weight is to stay in the format that it is stored in, so that its codes are
    /// kept wherever a server can load them.
    public boolean keepsWeight(String module) {
        return decision(new Site(module, Role.WEIGHT))
                .filter(decision -> decision.asStored() && decision.config().isPresent())
                .isPresent();
    }

    /// Returns the format of the key and value cache; empty if it is not quantised.
    public Optional<Format> cacheFormat() {
        return cacheFormat;
    }

    /// Returns the sites whose amax comes from calibration data: inputs, keys and values with one amax for the tensor
    /// that the recipe does not pin.
    public List<Site> measuredSites() {
        return decisions.values().stream()
                .filter(Plan::isMeasured)
                .map(Decision::site)
                .toList();
    }

    /// Returns the keys of the recipe that decide what is quantised here, with their values as text: the algorithm, and
    /// those rules that match something.
    public SortedMap<String, String> effectiveKeys() {
        SortedMap<String, String> keys = new TreeMap<>();
        List<Algorithm> algorithms = recipe.algorithms();
        for (int i = 0; i < algorithms.size(); i++) {
            String path = "quantize.algorithm" + (algorithms.size() > 1 ? String.format(Locale.ROOT, "[%d]", i) : "");
            keys.put(path + ".method", algorithms.get(i).method().name());
            keys.put(path + ".options", algorithms.get(i).options());
        }
        int number = 0;
        for (RuleUse use : rules) {
            if (use.matched() > 0) {
                keys.put(
                        String.format(Locale.ROOT, "quantize.quant_cfg[%d]", number),
                        use.rule().text());
                number++;
            }
        }
        return keys;
    }

    /// Returns what each rule did, in the recipe's order.
    public List<RuleUse> rules() {
        return rules;
    }

    /// Returns what is odd, but does no harm.
    public List<PlanWarning> warnings() {
        return warnings;
    }

    /// Returns the dialect that exports of this plan are written in, and whose bytes are evaluated. Scales alone lie
    /// beside weights in neither, and weights that are fake-quantised are in none; both are evaluated as ModelOpt's.
    public Dialect.Written dialect() {
        return switch (recipe.export().format()) {
            case MODELOPT, VLLM_FAKEQUANT, SCALES -> Dialect.MODELOPT;
            case COMPRESSED_TENSORS -> Dialect.COMPRESSED_TENSORS;
        };
    }

    /// Returns whose order of roundings encodes weights.
    public Arithmetic arithmetic() {
        return dialect().arithmetic();
    }

    /// Makes sure that a server can load what this plan describes: each module's pair of formats has a name there, and
    /// modules that servers join have the same.
    ///
    /// @throws io.github.steelyard.recipe.RecipeException if it cannot
    public void requireServable() {
        ExportCheck.check(this);
    }

    static boolean isMeasured(Decision decision) {
        return decision.site().role() != Role.WEIGHT
                && decision.config()
                        .filter(config -> config.hasTensorAmax() && config.amax() instanceof AmaxSource.Measured)
                        .isPresent();
    }

    private Stream<Decision> cacheDecisions() {
        return decisions.values().stream()
                .filter(decision -> CACHE.contains(decision.site().role()));
    }

    private void checkCache(Problems problems) {
        cacheDecisions().forEach(decision -> {
            Optional<Format> format = decision.config().flatMap(QuantizerConfig::format);
            if (format.isPresent() && !format.equals(cacheFormat)) {
                problems.add(
                        decision.rule().map(Rule::at).orElse(null),
                        decision.site().name(),
                        "%s, but others of the key and value cache are %s; a model has one cache format"
                                .formatted(format.get(), cacheFormat.orElseThrow()));
            }
        });
    }
}
