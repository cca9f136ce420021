package io.github.steelyard.moe;

import io.github.steelyard.site.RowSource;

/// Some consecutive rows of an expert.
///
/// @param tokens rows of the corpus
/// @param weights what each row is multiplied by; empty where that is 1
/// @param source where the tap is told that they come from
@SuppressWarnings("ArrayRecordComponent") // never compared
record RowBlock(int[] tokens, float[] weights, RowSource source) {}
