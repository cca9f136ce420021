package io.github.steelyard.export;

import io.github.steelyard.audit.Auditor;
import io.github.steelyard.audit.Expectation;
import io.github.steelyard.calibration.ScaleTable;
import io.github.steelyard.census.ExportSource;
import io.github.steelyard.checkpoint.Checkpoint;
import io.github.steelyard.declare.LauncherDeclaration;
import io.github.steelyard.dialect.CacheNames;
import io.github.steelyard.dialect.StoredNames;
import io.github.steelyard.files.CheckpointException;
import io.github.steelyard.files.Finding;
import io.github.steelyard.layout.Refusal;
import io.github.steelyard.model.Decoder;
import io.github.steelyard.plan.Decision;
import io.github.steelyard.plan.Plan;
import io.github.steelyard.plan.Problems;
import io.github.steelyard.recipe.Rule;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.Site;
import io.github.steelyard.yaml.Position;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// An export before there are statistics, to find what it would refuse after hours of calibration.
///
/// The export is planned with an amax of 1 wherever one is to be measured, and what it would write is verified like any
/// checkpoint, but for bytes that do not exist yet. What is left to refuse afterwards depends on the data: experts
/// without tokens, values that are not finite, sites that saw zeros only.
public final class Rehearsal {

    private final Plan plan;
    private final Problems problems;
    private final Map<String, String> stacks = new HashMap<>(); // tensor of experts -> one of its modules

    private Rehearsal(Plan plan) {
        this.plan = plan;
        problems = new Problems(plan.recipe().file());
        plan.modules()
                .forEach(module -> module.stacked()
                        .ifPresent(place -> stacks.putIfAbsent(place.stack().tensor(), module.name())));
    }

    /// Looks for what can be told from the configs alone.
    ///
    /// @throws io.github.steelyard.recipe.RecipeException if there is something, at the line of the rule that decides
    public static void requireExportable(Plan plan, Decoder decoder) {
        plan.requireServable();
        Rehearsal rehearsal = new Rehearsal(plan);
        tiedHead(plan, decoder).ifPresent(rehearsal::add);
        rehearsal.problems.raise();
    }

    /// Looks for everything.
    ///
    /// @param values whether to read the tensors that are copied as they are, or scales of one value alone
    /// @throws io.github.steelyard.recipe.RecipeException if there is something, at the line of the rule that decides
    public static void requireExportable(Plan plan, ExportSource source, boolean values) {
        requireExportable(plan, source.decoder());
        Rehearsal rehearsal = new Rehearsal(plan);
        List<Refusal> refusals = new ArrayList<>();
        ExportPlan written = new ExportPlanner(source, plan, ScaleTable.assumed(plan)).plan(refusals);
        if (refusals.isEmpty()) {
            verify(source, written, values).stream()
                    .filter(Finding::isError)
                    .forEach(finding -> refusals.add(new Refusal(
                            finding.subject(),
                            "the export would not be sound: "
                                    + finding.message()
                                            .substring(
                                                    finding.message().startsWith(finding.subject() + ": ")
                                                            ? finding.subject().length() + 2
                                                            : 0))));
        }
        refusals.forEach(rehearsal::add);
        rehearsal.problems.raise();
    }

    private static List<Finding> verify(ExportSource source, ExportPlan planned, boolean values) {
        try (Checkpoint checkpoint = planned.checkpoint(source.checkpoint())) {
            Expectation expected = planned.declaration() instanceof LauncherDeclaration told
                    ? Expectation.servable().writtenAs(told.planned()) // of plain values nothing else is expected
                    : Expectation.servable();
            return new Auditor(expected, 1).rehearse(checkpoint, planned.readable(values));
        } catch (CheckpointException e) {
            return List.of(Finding.error("unreadable", e.file().toString(), e.problem()));
        }
    }

    /// Returns why a head that shares its weight with the embedding cannot be quantised, if that is asked.
    static Optional<Refusal> tiedHead(Plan plan, Decoder decoder) {
        String head = decoder.head().name();
        return decoder.tied() && plan.scheme(head).isQuantised()
                ? Optional.of(new Refusal(head, "shares its weight with the embedding and cannot be quantised apart"))
                : Optional.empty();
    }

    private void add(Refusal refusal) {
        problems.add(position(refusal.subject()).orElse(null), refusal.subject(), refusal.message());
    }

    /// Returns where the recipe decides about the module, site or tensor.
    private Optional<Position> position(String subject) {
        if (CacheNames.isOfKeys(subject) || CacheNames.isOfValues(subject)) {
            Role role = CacheNames.isOfKeys(subject) ? Role.KEY : Role.VALUE;
            return owner(subject)
                    .map(module -> module.kind() == ModuleInfo.Kind.ATTENTION
                            ? module.name()
                            : module.name().substring(0, module.name().lastIndexOf('.')))
                    .flatMap(attention -> position(new Site(attention, role)));
        }
        return owner(subject).flatMap(module -> {
            boolean input = StoredNames.isInputScale(subject) || subject.endsWith(Role.INPUT.quantizer());
            Role role = module.kind() == ModuleInfo.Kind.ATTENTION ? Role.KEY : input ? Role.INPUT : Role.WEIGHT;
            return position(new Site(module.name(), role));
        });
    }

    private Optional<Position> position(Site site) {
        return plan.decision(site).flatMap(Decision::rule).map(Rule::at);
    }

    /// Returns the module that `subject` is, belongs to, or holds.
    private Optional<ModuleInfo> owner(String subject) {
        String name = subject;
        while (!name.isEmpty()) {
            Optional<ModuleInfo> module = plan.module(stacks.getOrDefault(name, name));
            if (module.isPresent()) {
                return module;
            }
            name = name.substring(0, Math.max(Math.max(name.lastIndexOf('.'), name.lastIndexOf('_')), 0));
        }
        return Optional.empty();
    }
}
