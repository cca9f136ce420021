package io.github.steelyard.model;

/// The longest sequence that a body computes as it was published.
///
/// @param tokens most tokens
/// @param reason what happens beyond: `index_topk: the indexer then hides keys, which is not computed`
public record SequenceLimit(int tokens, String reason) {}
