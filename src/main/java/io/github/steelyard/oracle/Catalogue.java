package io.github.steelyard.oracle;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// The backends of one engine at one date, as a file of `configs/serving` gives them.
public final class Catalogue {

    /// @param engine the engine's name
    /// @param snapshot the date, `2026-08-17`
    /// @param aliases further names of the snapshot
    /// @param commit the engine's commit; empty for our own engine
    record Identity(String engine, String snapshot, Set<String> aliases, Optional<String> commit) {}

    /// @param name the command-line option, `--moe-backend`
    /// @param values the values it accepts
    record Option(String name, List<String> values) {}

    /// @param batchedAll2all exchange kernels that deliver rows batched
    /// @param all2allAliases exchange kernels with two names
    /// @param exchangeAcross the kinds of parallelism between whose ranks experts' tokens move: `dp`, `pcp`, `sp`
    /// @param batchInvariant variable that asks for results that do not depend on the batch; empty: none
    /// @param staticInputs input keys whose scales come from calibration
    /// @param assumedLibraries by platform, what is taken to be installed when nobody says
    record Settings(
            Set<String> batchedAll2all,
            Map<String, String> all2allAliases,
            Set<String> exchangeAcross,
            String batchInvariant,
            Set<String> staticInputs,
            Map<String, List<String>> assumedLibraries) {}

    /// @param retired variables that the engine read once, with what became of them
    /// @param deprecated variables that it still reads, with what to use instead
    /// @param read every variable that a rule of the catalogue reads
    record Variables(Map<String, String> retired, Map<String, String> deprecated, Set<String> read) {}

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

    Settings settings() {
        return settings;
    }

    Variables variables() {
        return variables;
    }

    List<OracleTable> tables() {
        return tables;
    }

    /// Returns the table that serves a layer, if the engine has one.
    Optional<OracleTable> table(SelectionRequest request) {
        Scene scene = new Scene(request, MoeLayer.NONE, MoeLayer.NONE);
        return tables.stream()
                .filter(table -> table.format().equals(request.layer().format()))
                .filter(table -> table.when().holds(scene))
                .findFirst();
    }

    ExpertClass experts(String name) {
        ExpertClass found = experts.get(name);
        if (found == null) {
            throw new IllegalArgumentException("expert class '%s' is not in %s; expected one of %s"
                    .formatted(name, label(), new TreeSet<>(experts.keySet())));
        }
        return found;
    }
}
