package io.github.steelyard.statistics;

/// What a site yields over one population of tokens, in one respect. Each kind says how it merges and what its columns
/// in `statistics.safetensors` are.
///
/// **The law of all kinds: [#merge] is commutative and associative to the last bit.** Then a result has the same bytes
/// for any number of threads, any cut of the rows, any shards and any order of merging, and nothing needs to know in
/// which order parts came. Maxima and counts obey by themselves. Sums of floats do not: a kind that sums keeps
/// integers, multiples of a fixed power of two to which each contribution is rounded once (ADR 0023).
///
/// @param <T> the kind itself
public sealed interface Observation<T extends Observation<T>>
        permits Measurement, Histogram, BlockHistogram, ChannelAmax, TopUp {

    /// Returns the observation of both parts together.
    T merge(T other);
}
