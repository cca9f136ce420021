package io.github.steelyard.audit;

import io.github.steelyard.census.ExportSource;
import io.github.steelyard.dialect.ModuleFormat;
import io.github.steelyard.loader.Loader;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What is expected of a directory. It decides how bad a fault is, and what the directory is compared with; never which
/// faults are seen.
///
/// @param export whether the directory is to be served, so that what a server trips over is an error
/// @param planned what was to be written; empty if nobody knows
/// @param source the checkpoint that it was made from; empty if there is none to compare with
/// @param servers the loaders that are asked what they do with it
public record Expectation(
        boolean export, Optional<Planned> planned, Optional<ExportSource> source, List<Loader> servers) {

    public Expectation {
        servers = List.copyOf(servers);
    }

    /// What an export was to write.
    ///
    /// @param modules the formats of each quantised module, by its name or that of the module that holds its tensors
    /// @param kvCache format of the key and value cache
    public record Planned(Map<String, ModuleFormat> modules, Optional<String> kvCache) {

        public Planned {
            modules = Map.copyOf(modules);
        }
    }

    /// Of a checkpoint that somebody published: what a calibration would refuse is an error.
    public static Expectation anyCheckpoint() {
        return new Expectation(false, Optional.empty(), Optional.empty(), List.of());
    }

    /// Of a quantised checkpoint, whoever wrote it: what a server would refuse or serve wrong is an error.
    public static Expectation servable() {
        return new Expectation(true, Optional.empty(), Optional.empty(), List.of());
    }

    /// Returns the same of a directory that was made from `origin`: the error of each weight is measured.
    public Expectation madeFrom(ExportSource origin) {
        return new Expectation(export, planned, Optional.of(origin), servers);
    }

    /// Returns the same of a directory that was written as planned.
    public Expectation writtenAs(Planned plan) {
        return new Expectation(export, Optional.of(plan), source, servers);
    }

    /// Returns the same of a directory that these engines are to load.
    public Expectation servedBy(List<Loader> loaders) {
        return new Expectation(export, planned, source, loaders);
    }
}
