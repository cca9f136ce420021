package io.github.steelyard.oracle;

import io.github.steelyard.catalogue.Catalogue;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/// What is to be said about environment variables: retired, deprecated, or never read.
final class VariableNotes {

    private final Catalogue catalogue;

    VariableNotes(Catalogue catalogue) {
        this.catalogue = catalogue;
    }

    Stream<String> of(Map<String, String> environment) {
        return new TreeMap<>(environment).keySet().stream().map(this::note).flatMap(Optional::stream);
    }

    private Optional<String> note(String name) {
        Catalogue.Variables known = catalogue.variables();
        String retired = known.retired().get(name);
        if (retired != null) {
            return Optional.of("environment %s is not read: %s".formatted(name, retired));
        }
        String deprecated = known.deprecated().get(name);
        if (deprecated != null) {
            return Optional.of("environment %s: %s".formatted(name, deprecated));
        }
        boolean read =
                known.read().contains(name) || name.equals(catalogue.settings().batchInvariant());
        return read
                ? Optional.empty()
                : Optional.of("environment %s is not read by %s".formatted(name, catalogue.label()));
    }
}
