package io.github.steelyard.oracle;

import io.github.steelyard.catalogue.Catalogue;
import io.github.steelyard.catalogue.Deployment;
import io.github.steelyard.catalogue.EngineError;
import io.github.steelyard.catalogue.MoeLayer;
import io.github.steelyard.catalogue.OracleTable;
import io.github.steelyard.catalogue.Scene;
import io.github.steelyard.catalogue.SelectionRequest;
import java.util.List;
import java.util.Optional;

/// Tells which MoE backend an engine picks for a layer, in the engine's order: what decides before all else, an
/// explicit request, environment variables, the priority list, what is tried last.
///
/// An explicit request is met or refused, never replaced without a word. Every rejected candidate keeps its reason.
public final class Oracle {

    private final Catalogue catalogue;

    /// @param catalogue the engine's backends
    public Oracle(Catalogue catalogue) {
        this.catalogue = catalogue;
    }

    /// Returns the engine's backends.
    public Catalogue catalogue() {
        return catalogue;
    }

    /// Answers one question.
    public Decision select(SelectionRequest request) {
        return catalogue
                .table(request)
                .<Decision>map(table -> selector(table, request).select())
                .orElseGet(() -> noTable(request));
    }

    private Selector selector(OracleTable table, SelectionRequest request) {
        Catalogue.Settings settings = catalogue.settings();
        Deployment deployment = request.deployment().exchanging(settings.all2allAliases(), settings.exchangeAcross());
        return new Selector(catalogue, table, request.withDeployment(deployment));
    }

    private Refusal noTable(SelectionRequest request) {
        String reason = "%s has no MoE backends for format '%s'; expected one of %s"
                .formatted(catalogue.label(), request.layer().format(), catalogue.formats());
        return new Refusal(
                EngineError.NOT_IMPLEMENTED_ERROR, reason, Optional.empty(), List.of(), List.of(), List.of());
    }

    /// Returns the backends that a user-facing name stands for, for one format.
    ///
    /// @throws IllegalArgumentException with the engine's message if the format has no such name
    public List<String> backendsNamed(SelectionRequest request, String name) {
        OracleTable table = tableOf(request);
        List<String> found = table.names().get(name);
        if (found == null) {
            throw new IllegalArgumentException(Messages.unknownName(table, name));
        }
        return found;
    }

    /// Returns why the named expert class does not support the request's layer; empty when it does.
    public Optional<String> refusal(SelectionRequest request, String expertClass) {
        return selector(tableOf(request), request).refusal(catalogue.experts(expertClass));
    }

    /// Returns why a backend cannot serve a checkpoint's layout, before its classes are looked at; empty when it can.
    public Optional<String> layoutRefusal(SelectionRequest request, String backend) {
        OracleTable table = tableOf(request);
        return selector(table, request).layoutRefusal(table.backend(backend));
    }

    /// Returns the layer's size as a backend rounds it up before it lays the weights out.
    public MoeLayer.Size rounded(SelectionRequest request, String backend) {
        OracleTable table = tableOf(request);
        table.backend(backend);
        Scene scene = new Scene(request, table.weight(), table.input());
        MoeLayer.Size size = request.layer().size();
        return table.rounding().stream()
                .filter(rule -> rule.backends().isEmpty() || rule.backends().contains(backend))
                .filter(rule -> rule.when().holds(scene))
                .findFirst()
                .map(rule -> new MoeLayer.Size(
                        roundUp(size.hidden(), rule.hidden()),
                        roundUp(size.intermediate(), rule.intermediate()),
                        size.experts()))
                .orElse(size);
    }

    private static int roundUp(int size, int multiple) {
        return Math.ceilDiv(size, multiple) * multiple;
    }

    private OracleTable tableOf(SelectionRequest request) {
        return catalogue
                .table(request)
                .orElseThrow(() -> new IllegalArgumentException(noTable(request).reason()));
    }
}
