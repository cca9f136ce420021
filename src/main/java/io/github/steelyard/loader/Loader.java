package io.github.steelyard.loader;

import java.util.List;

/// What one engine's loader does, at one commit.
///
/// @param engine the engine
/// @param snapshot the day of the commit
/// @param commit the commit
/// @param names what the engine calls modules
/// @param rules what it does with what it meets
public record Loader(String engine, String snapshot, String commit, EngineNames names, List<LoaderRule> rules) {

    public Loader {
        rules = List.copyOf(rules);
    }

    /// Returns `engine@snapshot`.
    public String label() {
        return engine + "@" + snapshot;
    }
}
