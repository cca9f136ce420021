package io.github.steelyard.oracle;

import io.github.steelyard.catalogue.Catalogue;
import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.catalogue.EngineError;
import io.github.steelyard.catalogue.ExpertClass;
import io.github.steelyard.catalogue.InputScales;
import io.github.steelyard.catalogue.OracleTable;
import io.github.steelyard.catalogue.Scene;
import io.github.steelyard.catalogue.Visibility;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What a selection has found out so far, and the answers that can be made of it.
final class Answers {

    private final Catalogue catalogue;
    private final OracleTable table;
    private final Scene scene;
    private final CandidateOrder order;
    private final List<Rejection> rejected = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private Optional<Choice> choice;

    /// @param choice who asked for a backend
    Answers(Catalogue catalogue, OracleTable table, Scene scene, Optional<Choice> choice) {
        this.catalogue = catalogue;
        this.table = table;
        this.scene = scene;
        this.order = new CandidateOrder(table, scene, rejected);
        this.choice = choice;
    }

    CandidateOrder order() {
        return order;
    }

    /// Returns the rejected candidates, to which all that try some add.
    List<Rejection> rejected() {
        return rejected;
    }

    Optional<Choice> choice() {
        return choice;
    }

    /// From here on, answers are those to another who asked.
    void asked(Optional<Choice> by) {
        choice = by;
    }

    void note(String text) {
        notes.add(text);
    }

    Selection selected(Trial.Found found) {
        ExpertClass expert = found.expert();
        if (expert.monolithic() && scene.layer().traits().sharedExperts()) {
            notes.add("%s is monolithic: shared experts run outside of it".formatted(expert.name()));
        }
        return new Selection(
                found.backend().name(),
                Optional.of(expert.name()),
                expert.monolithic(),
                expert.w13Input(),
                expert.w2Input(found.scene()),
                found.inputScales(catalogue.settings().staticInputs()),
                choice,
                order.names(),
                rejected,
                notes);
    }

    /// The platform serves the layer without an expert class.
    Selection platform(String backend) {
        Visibility unknown = new Visibility(Visibility.Degree.UNKNOWN, "the platform serves the layer by itself");
        return new Selection(
                backend,
                Optional.empty(),
                false,
                unknown,
                unknown,
                InputScales.NOT_USED,
                choice,
                order.names(),
                rejected,
                notes);
    }

    /// No candidate is left.
    Refusal exhausted() {
        String message = Messages.fill(
                SupportCheck.fill(table.messages().exhausted(), scene),
                Map.of("candidates", Messages.list(order.names()), "reasons", Messages.reasons(rejected)));
        boolean listed = table.messages().exhausted().contains("{reasons}");
        String all = listed || rejected.isEmpty() ? "" : " Rejected: %s.".formatted(Messages.labels(rejected));
        return refuse(table.messages().exhaustedKind(), message.strip() + all);
    }

    Refusal refuse(EngineError kind, String reason) {
        String source = choice.map(asked -> " [requested by %s]".formatted(asked.source()))
                .orElse("");
        return new Refusal(kind, reason + source, choice, order.names(), rejected, notes);
    }
}
