package io.github.steelyard.oracle;

import io.github.steelyard.catalogue.Catalogue;
import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.catalogue.EngineError;
import io.github.steelyard.catalogue.ExpertClass;
import io.github.steelyard.catalogue.MoeLayer;
import io.github.steelyard.catalogue.OracleTable;
import io.github.steelyard.catalogue.OracleTable.Backend;
import io.github.steelyard.catalogue.OracleTable.Effect;
import io.github.steelyard.catalogue.OracleTable.Guarded;
import io.github.steelyard.catalogue.Scene;
import io.github.steelyard.catalogue.SelectionRequest;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// One run of the selection algorithm: the table's rules applied to one request, with what was rejected on the way.
///
/// Our own deliberate differences from the engine apply unless the request is strict; `docs/ODDITIES.md` lists them.
final class Selector {

    private final Catalogue catalogue;
    private final OracleTable table;
    private final SelectionRequest request;
    private final Scene scene;
    private final boolean batched;
    private final SupportCheck check;
    private final CandidateOrder order;
    private final Trial trial;
    private final Answers answers;

    Selector(Catalogue catalogue, OracleTable table, SelectionRequest request) {
        this.catalogue = catalogue;
        this.table = table;
        this.request = request;
        MoeLayer.Keys keys = request.layer().keys();
        this.scene = new Scene(
                request,
                keys.weight().orElse(table.weight()),
                keys.inputOverride().or(keys::input).orElse(table.input()));
        Optional<Choice> choice = request.preference().choiceFor(table.format());
        this.batched = catalogue
                        .settings()
                        .batchedAll2all()
                        .contains(scene.deployment().all2all())
                || choice.filter(c -> table.batchedNames().contains(c.name())).isPresent();
        this.check = new SupportCheck(catalogue, batched, batchInvariant());
        this.answers = new Answers(catalogue, table, scene, choice);
        this.order = answers.order();
        this.trial = new Trial(catalogue, table, scene, check, answers.rejected());
    }

    private boolean batchInvariant() {
        String variable = catalogue.settings().batchInvariant();
        return request.preference().batchInvariant() || isOn(scene.environment(variable));
    }

    private static boolean isOn(String value) {
        return value.equals("1") || value.equalsIgnoreCase("true");
    }

    Decision select() {
        new VariableNotes(catalogue).of(request.preference().environment()).forEach(answers::note);
        Optional<Decision> early = request.layer()
                .keys()
                .conflict()
                .<Decision>map(message -> answers.refuse(EngineError.VALUE_ERROR, message))
                .or(() -> apply(table.first()));
        if (early.isPresent()) {
            return early.get();
        }
        order.setUp();
        Optional<Choice> choice = answers.choice();
        if (choice.isPresent() && !leavesChoice(choice.get())) {
            return requested(choice.get());
        }
        answers.asked(Optional.empty());
        for (OracleTable.VariableRule rule : table.environment()) {
            Optional<Decision> forced = apply(rule);
            if (forced.isPresent()) {
                return forced.get();
            }
        }
        return trial.first(order.names())
                .<Decision>map(answers::selected)
                .or(() -> apply(table.last()))
                .orElseGet(answers::exhausted);
    }

    private boolean leavesChoice(Choice asked) {
        if (table.ignoresRequest()) {
            answers.note("the engine ignores '%s' (%s) for %s".formatted(asked.name(), asked.source(), table.label()));
            return true;
        }
        if (table.autoNames().contains(asked.name())) {
            answers.note("'%s' (%s) has no kernel for %s; the engine chooses there"
                    .formatted(asked.name(), asked.source(), table.label()));
            return true;
        }
        return false;
    }

    private Decision requested(Choice asked) {
        List<String> named = table.names().get(asked.name());
        if (named == null) {
            return answers.refuse(EngineError.VALUE_ERROR, Messages.unknownName(table, asked.name()));
        }
        List<String> wanted = named.stream().map(this::twin).toList();
        List<String> kept = order.filterByInput(wanted);
        if (kept.isEmpty()) {
            return answers.refuse(
                    EngineError.VALUE_ERROR,
                    "moe_backend='%s' does not support activation=%s; supported variants: %s"
                            .formatted(asked.name(), scene.input(), Messages.list(wanted)));
        }
        Optional<OracleTable.Restriction> restriction = order.restriction(kept.getFirst());
        if (restriction.isPresent()) {
            String message = SupportCheck.fill(restriction.get().requested(), scene);
            return answers.refuse(EngineError.VALUE_ERROR, message.replace("{name}", asked.name()));
        }
        return only(() -> trial.first(kept));
    }

    private String twin(String backend) {
        return batched ? table.backend(backend).batched().orElse(backend) : backend;
    }

    /// Returns what a trial finds, or the refusal of what it tried.
    private Decision only(Supplier<Optional<Trial.Found>> trial) {
        int before = answers.rejected().size();
        Optional<Trial.Found> found = trial.get();
        if (found.isPresent()) {
            return answers.selected(found.get());
        }
        List<Rejection> tried =
                answers.rejected().subList(before, answers.rejected().size());
        Rejection last = tried.getLast();
        String message = Messages.fill(
                table.messages().unsupported(),
                Map.of("backend", table.backend(last.backend()).display(), "reason", last.reason()));
        String all = tried.size() > 1 ? " All rejected: %s.".formatted(Messages.labels(tried)) : "";
        return answers.refuse(EngineError.VALUE_ERROR, message + all);
    }

    private Optional<Decision> apply(OracleTable.VariableRule rule) {
        Map<String, String> environment = request.preference().environment();
        if (rule.flags().keySet().stream().noneMatch(environment::containsKey)) {
            return Optional.empty();
        }
        boolean on = rule.flags().entrySet().stream()
                .allMatch(flag -> environment.containsKey(flag.getKey())
                        ? isOn(scene.environment(flag.getKey()))
                        : flag.getValue());
        answers.asked(rule.flags().keySet().stream()
                .filter(environment::containsKey)
                .findFirst()
                .map(name -> new Choice("environment", "environment %s=%s".formatted(name, environment.get(name)))));
        Optional<Decision> decision = apply(on && !rule.offWhen().holds(scene) ? rule.on() : rule.off());
        if (decision.isEmpty()) {
            answers.asked(Optional.empty());
        }
        return decision;
    }

    private Optional<Decision> apply(List<Guarded> rules) {
        for (Guarded rule : rules) {
            if ((!rule.engineOnly() || request.strict()) && rule.when().holds(scene)) {
                Optional<Decision> decision = apply(rule.effect());
                if (decision.isPresent() || !(rule.effect() instanceof Effect.Take)) {
                    return decision;
                }
            }
        }
        return Optional.empty();
    }

    private Optional<Decision> apply(Effect effect) {
        return switch (effect) {
            case Effect.Drop drop -> {
                order.drop(
                        drop.backends(),
                        "ruled out by " + answers.choice().map(Choice::source).orElse("a rule"));
                yield Optional.empty();
            }
            case Effect.Force force -> Optional.of(force(batched ? force.batched() : force.backend()));
            case Effect.Try tried -> Optional.of(tryOnly(tried));
            case Effect.Refuse refused ->
                Optional.of(answers.refuse(refused.kind(), SupportCheck.fill(refused.message(), scene)));
            case Effect.PlatformHandles handled -> Optional.of(answers.platform(handled.backend()));
            case Effect.Take take -> take(take);
            case Effect.ByValue byValue -> byValue(byValue);
        };
    }

    private Optional<Decision> byValue(Effect.ByValue byValue) {
        String value = scene.environment(byValue.variable());
        if (value.isEmpty()) {
            return apply(byValue.unset());
        }
        answers.asked(Optional.of(new Choice(value, "environment %s=%s".formatted(byValue.variable(), value))));
        List<Guarded> rules = byValue.values().get(value);
        return rules == null
                ? Optional.of(answers.refuse(
                        EngineError.VALUE_ERROR,
                        "%s: unknown value '%s'. Expected one of %s."
                                .formatted(
                                        byValue.variable(),
                                        value,
                                        Messages.list(byValue.values().keySet()))))
                : apply(rules);
    }

    private Decision force(String backend) {
        Optional<String> forbidden = order.restriction(backend).flatMap(OracleTable.Restriction::environment);
        return forbidden
                .<Decision>map(message -> answers.refuse(
                        EngineError.VALUE_ERROR,
                        SupportCheck.fill(message, scene).replace("{backend}", backend)))
                .orElseGet(() -> only(() -> trial.forced(backend)));
    }

    private Decision tryOnly(Effect.Try tried) {
        List<String> allowed = tried.backends().stream()
                .filter(name -> order.restriction(name).isEmpty())
                .toList();
        return trial.first(allowed)
                .<Decision>map(answers::selected)
                .orElseGet(() -> answers.refuse(
                        EngineError.NOT_IMPLEMENTED_ERROR,
                        "%s Rejected: %s.".formatted(tried.message(), Messages.labels(answers.rejected()))));
    }

    private Optional<Decision> take(Effect.Take take) {
        Backend backend = table.backend(take.backend());
        ExpertClass expert = catalogue.experts(take.experts());
        Scene own = trial.keyed(backend);
        Optional<String> reason = new SupportCheck(catalogue, false, batchInvariant()).refusal(expert, own);
        if (take.ifSupported() && reason.isPresent()) {
            answers.rejected().add(new Rejection(backend.name(), Optional.of(expert.name()), reason.get()));
            return Optional.empty();
        }
        reason.ifPresent(
                why -> answers.note("the engine takes %s unchecked, although: %s".formatted(expert.name(), why)));
        return Optional.of(answers.selected(new Trial.Found(backend, expert, own)));
    }

    Optional<String> layoutRefusal(Backend backend) {
        return trial.layoutRefusal(backend);
    }

    Optional<String> refusal(ExpertClass expert) {
        return check.refusal(expert, scene);
    }
}
