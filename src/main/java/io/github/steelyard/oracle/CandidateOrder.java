package io.github.steelyard.oracle;

import io.github.steelyard.catalogue.MoeLayer;
import io.github.steelyard.catalogue.OracleTable;
import io.github.steelyard.catalogue.Scene;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The backends that may be tried, in order: the table's starting order for the scene, moved and restricted as its
/// rules say.
final class CandidateOrder {

    private final OracleTable table;
    private final Scene scene;
    private final List<String> order = new ArrayList<>();
    private final List<Rejection> rejected;

    /// @param rejected receives the backends ruled out here
    CandidateOrder(OracleTable table, Scene scene, List<Rejection> rejected) {
        this.table = table;
        this.scene = scene;
        this.rejected = rejected;
    }

    List<String> names() {
        return order;
    }

    void setUp() {
        table.priority().stream()
                .filter(priority -> priority.when().holds(scene))
                .findFirst()
                .ifPresent(priority -> order.addAll(priority.order()));
        for (OracleTable.Reorder reorder : table.reorder()) {
            if (reorder.when().holds(scene)) {
                reorder.front().stream().filter(order::remove).forEach(name -> order.add(0, name));
                reorder.back().stream().filter(order::remove).forEach(order::add);
            }
        }
        for (OracleTable.Restriction restriction : active()) {
            drop(restriction.drop(), restriction.reason());
        }
        order.retainAll(filterByInput(order));
    }

    void drop(List<String> backends, String reason) {
        for (String backend : backends) {
            if (order.remove(backend)) {
                rejected.add(new Rejection(backend, Optional.empty(), reason));
            }
        }
    }

    /// Returns the restrictions whose condition holds.
    private List<OracleTable.Restriction> active() {
        return table.restrictions().stream()
                .filter(restriction -> restriction.when().holds(scene))
                .toList();
    }

    /// Returns the restriction that rules a backend out, if there is one.
    Optional<OracleTable.Restriction> restriction(String backend) {
        return active().stream()
                .filter(restriction -> restriction.drop().contains(backend))
                .findFirst();
    }

    /// Keeps the variants that compute with the requested input key; without one, those with high-precision inputs, or
    /// all if there are none. Tables whose rule does not filter keep everything.
    List<String> filterByInput(List<String> backends) {
        if (!table.inputRule().filtered()) {
            return List.copyOf(backends);
        }
        if (scene.requestsInput()) {
            return backends.stream()
                    .filter(name -> table.backend(name).input().equals(scene.input())
                            || table.inputRule().exempt().contains(name))
                    .toList();
        }
        List<String> plain = backends.stream()
                .filter(name -> table.backend(name).input().equals(MoeLayer.NONE))
                .toList();
        return plain.isEmpty() ? List.copyOf(backends) : plain;
    }
}
