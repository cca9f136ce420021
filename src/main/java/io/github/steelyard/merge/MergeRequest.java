package io.github.steelyard.merge;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Runs that are to be one.
///
/// @param runs directories of finished runs, in any order
/// @param out directory of the run that they become
/// @param checkpoint where the calibrated checkpoint lies now, its configs at least; empty: where it lay then
/// @param partial whether sequences of the text may be missing
/// @param union whether the runs may be of different texts
/// @param fresh whether to forget a run in `out`
public record MergeRequest(
        List<Path> runs, Path out, Optional<Path> checkpoint, boolean partial, boolean union, boolean fresh) {

    public MergeRequest {
        runs = List.copyOf(runs);
    }

    /// Returns a request to merge all parts of one text.
    public static MergeRequest of(List<Path> runs, Path out) {
        return new MergeRequest(runs, out, Optional.empty(), false, false, false);
    }
}
