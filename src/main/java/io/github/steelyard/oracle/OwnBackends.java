package io.github.steelyard.oracle;

import io.github.steelyard.catalogue.Catalogue;
import io.github.steelyard.catalogue.Catalogues;
import io.github.steelyard.catalogue.Choice;
import io.github.steelyard.catalogue.Device;
import io.github.steelyard.catalogue.MoeLayer;
import io.github.steelyard.catalogue.Preference;
import io.github.steelyard.catalogue.SelectionRequest;
import io.github.steelyard.work.ExpertBackend;
import java.util.Arrays;
import java.util.Optional;

/// Selects one of our own expert backends, by the algorithm that selects an engine's.
public final class OwnBackends {

    private static final String ENGINE = "steelyard";

    private final Oracle oracle;

    /// @param catalogue our own catalogue
    public OwnBackends(Catalogue catalogue) {
        this.oracle = new Oracle(catalogue);
    }

    /// Reads the catalogue shipped with the program.
    public static OwnBackends bundled() {
        return new OwnBackends(Catalogues.bundled().find(ENGINE));
    }

    /// Selects a backend for a layer in this process.
    ///
    /// @param layer the layer
    /// @param choice what the user asked for, if anything
    /// @param requiresVisibleW2Input whether a tap must see the tensor between the two products, as for a calibration
    public Decision select(MoeLayer layer, Optional<Choice> choice, boolean requiresVisibleW2Input) {
        Preference preference =
                choice.map(c -> Preference.of(c.name(), c.source())).orElseGet(Preference::none);
        return select(SelectionRequest.of(layer, Device.jvm())
                .withPreference(preference)
                .withVisibleW2Input(requiresVisibleW2Input));
    }

    /// Selects a backend.
    public Decision select(SelectionRequest request) {
        return oracle.select(request);
    }

    /// Returns how the engine computes a selection; empty for row formats that only an exchange between ranks delivers.
    public static Optional<ExpertBackend> implementation(Selection selection) {
        return Arrays.stream(ExpertBackend.values())
                .filter(backend -> backend.name().equals(selection.backend()))
                .findFirst();
    }
}
