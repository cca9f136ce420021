package io.github.steelyard.loader;

/// What one engine's loader does, at one commit.
///
/// @param engine the engine
/// @param snapshot the day of the commit
/// @param commit the commit
/// @param names what the engine calls modules
public record Loader(String engine, String snapshot, String commit, EngineNames names) {

    /// Returns `engine@snapshot`.
    public String label() {
        return engine + "@" + snapshot;
    }
}
