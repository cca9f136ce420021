package io.github.steelyard.catalogue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// The backends of one engine at one date, as a file of `configs/serving` gives them.
public final class Catalogue {

    /// What the catalogue is of.
    ///
    /// @param engine the engine's name
    /// @param snapshot the date, `2026-08-17`
    /// @param aliases further names of the snapshot
    /// @param commit the engine's commit; empty for our own engine
    public record Identity(String engine, String snapshot, Set<String> aliases, Optional<String> commit) {}

    /// The engine's option that asks for a backend.
    ///
    /// @param name the command-line option, `--moe-backend`
    /// @param values the values it accepts
    public record Option(String name, List<String> values) {}

    /// What holds for all tables of the catalogue.
    ///
    /// @param batchedAll2all exchange kernels that deliver rows batched
    /// @param all2allAliases exchange kernels with two names
    /// @param exchangeAcross the kinds of parallelism between whose ranks experts' tokens move: `dp`, `pcp`, `sp`
    /// @param batchInvariant variable that asks for results that do not depend on the batch; empty: none
    /// @param staticInputs input keys whose scales come from calibration
    /// @param assumedLibraries by platform, what is taken to be installed when nobody says
    public record Settings(
            Set<String> batchedAll2all,
            Map<String, String> all2allAliases,
            Set<String> exchangeAcross,
            String batchInvariant,
            Set<String> staticInputs,
            Map<String, List<String>> assumedLibraries) {}

    /// The environment variables that the catalogue knows.
    ///
    /// @param retired variables that the engine read once, with what became of them
    /// @param deprecated variables that it still reads, with what to use instead
    /// @param read every variable that a rule of the catalogue reads
    public record Variables(Map<String, String> retired, Map<String, String> deprecated, Set<String> read) {}

    private final Identity identity;
    private final Optional<Option> option;
    private final Settings settings;
    private final Variables variables;
    private final Map<String, ExpertClass> experts;
    private final List<OracleTable> tables;

    Catalogue(
            Identity identity,
            Optional<Option> option,
            Settings settings,
            Variables variables,
            Map<String, ExpertClass> experts,
            List<OracleTable> tables) {
        this.identity = identity;
        this.option = option;
        this.settings = settings;
        this.variables = variables;
        this.experts = experts;
        this.tables = List.copyOf(tables);
    }

    /// Returns the engine's name, `vllm`.
    public String engine() {
        return identity.engine();
    }

    /// Returns the snapshot's date.
    public String snapshot() {
        return identity.snapshot();
    }

    /// Returns the engine's commit; empty for our own engine.
    public Optional<String> commit() {
        return identity.commit();
    }

    /// Returns the catalogue's name, `vllm@2026-08-17`.
    public String label() {
        return "%s@%s".formatted(engine(), snapshot());
    }

    /// Returns the weight formats that have a table.
    public Set<String> formats() {
        Set<String> formats = new TreeSet<>();
        tables.forEach(table -> formats.add(table.format()));
        return formats;
    }

    /// Returns the libraries taken to be installed on a platform when nobody says.
    public Set<String> assumedLibraries(String platform) {
        return new TreeSet<>(settings.assumedLibraries().getOrDefault(platform, List.of()));
    }

    /// Returns the engine's option that takes a backend's name; empty when it has none.
    public Optional<String> optionName() {
        return option.map(Option::name);
    }

    /// Returns the names that the engine's option accepts.
    public List<String> optionValues() {
        return option.map(Option::values).orElse(List.of());
    }

    boolean answersTo(String name) {
        return name.equals(snapshot()) || identity.aliases().contains(name);
    }

    /// Returns what holds for all tables.
    public Settings settings() {
        return settings;
    }

    /// Returns the environment variables that the catalogue knows.
    public Variables variables() {
        return variables;
    }

    /// Returns the tables in file order.
    public List<OracleTable> tables() {
        return tables;
    }

    /// Returns the table that serves a layer, if the engine has one.
    public Optional<OracleTable> table(SelectionRequest request) {
        Scene scene = new Scene(request, MoeLayer.NONE, MoeLayer.NONE);
        return tables.stream()
                .filter(table -> table.format().equals(request.layer().format()))
                .filter(table -> table.when().holds(scene))
                .findFirst();
    }

    /// Returns an expert class by its name.
    ///
    /// @throws IllegalArgumentException if there is none
    public ExpertClass experts(String name) {
        ExpertClass found = experts.get(name);
        if (found == null) {
            throw new IllegalArgumentException("expert class '%s' is not in %s; expected one of %s"
                    .formatted(name, label(), new TreeSet<>(experts.keySet())));
        }
        return found;
    }
}
