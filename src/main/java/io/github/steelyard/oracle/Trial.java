package io.github.steelyard.oracle;

import io.github.steelyard.catalogue.Catalogue;
import io.github.steelyard.catalogue.ExpertClass;
import io.github.steelyard.catalogue.InputScales;
import io.github.steelyard.catalogue.OracleTable;
import io.github.steelyard.catalogue.OracleTable.Backend;
import io.github.steelyard.catalogue.Scene;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Tries backends in order, and the expert classes of each in order, until one supports the layer.
final class Trial {

    /// @param backend the backend taken
    /// @param expert its class
    /// @param scene the scene with the input key that it computes with
    record Found(Backend backend, ExpertClass expert, Scene scene) {

        /// Returns what becomes of calibrated input scales.
        ///
        /// @param staticInputs input keys whose scales come from calibration
        InputScales inputScales(Set<String> staticInputs) {
            if (!scene.requestsInput()) {
                return InputScales.NOT_USED;
            }
            return staticInputs.contains(scene.input()) ? backend.inputScales() : InputScales.AT_RUN_TIME;
        }
    }

    private final Catalogue catalogue;
    private final OracleTable table;
    private final Scene scene;
    private final SupportCheck check;
    private final List<Rejection> rejected;

    /// @param rejected receives every candidate that does not support the layer
    Trial(Catalogue catalogue, OracleTable table, Scene scene, SupportCheck check, List<Rejection> rejected) {
        this.catalogue = catalogue;
        this.table = table;
        this.scene = scene;
        this.check = check;
        this.rejected = rejected;
    }

    /// Returns the first of the backends that supports the layer.
    Optional<Found> first(List<String> backends) {
        return backends.stream()
                .map(table::backend)
                .map(backend -> of(backend, keyed(backend)))
                .flatMap(Optional::stream)
                .findFirst();
    }

    /// Returns a backend that a rule forces, if it supports the layer. A requested input key has no say here: the
    /// engine asks for the backend's own.
    Optional<Found> forced(String backend) {
        Backend found = table.backend(backend);
        return of(found, table.inputRule().fromBackend() ? scene.withInput(found.input()) : scene);
    }

    private Optional<Found> of(Backend backend, Scene own) {
        Optional<String> ruledOut = layoutRefusal(backend);
        if (ruledOut.isPresent()) {
            rejected.add(new Rejection(backend.name(), Optional.empty(), ruledOut.get()));
            return Optional.empty();
        }
        return experts(backend).stream()
                .map(catalogue::experts)
                .filter(expert -> supports(backend, expert, own))
                .findFirst()
                .map(expert -> new Found(backend, expert, own));
    }

    private boolean supports(Backend backend, ExpertClass expert, Scene own) {
        Optional<String> reason = check.refusal(expert, own);
        reason.ifPresent(why -> rejected.add(new Rejection(backend.name(), Optional.of(expert.name()), why)));
        return reason.isEmpty();
    }

    private List<String> experts(Backend backend) {
        List<String> all = new ArrayList<>(backend.experts());
        if (!scene.request().strict() && scene.layer().traits().lora()) {
            all.addAll(backend.loraExperts());
        }
        return all;
    }

    /// Returns why a backend cannot serve the layer's layout, before its classes are looked at; empty when it can.
    Optional<String> layoutRefusal(Backend backend) {
        return backend.refuse().stream()
                .filter(each -> !each.require().holds(scene))
                .findFirst()
                .map(each -> SupportCheck.fill(each.reason(), scene));
    }

    /// Returns the scene with the input key that a backend computes with.
    Scene keyed(Backend backend) {
        OracleTable.InputRule rule = table.inputRule();
        boolean requested = rule.filtered() && scene.requestsInput();
        return rule.fromBackend() && !requested ? scene.withInput(backend.input()) : scene;
    }
}
