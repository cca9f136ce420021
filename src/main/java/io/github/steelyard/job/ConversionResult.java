package io.github.steelyard.job;

/// What was converted.
///
/// @param written what was written
/// @param reciprocals how many scales are stored the other way round than in the source; all else is equal to the bit
/// @param inexact how many of them a server reads as the neighbour of what the source means, since the reciprocal of
/// their reciprocal is not they themselves
/// @param largestError the largest difference among these, relative to the scale
public record ConversionResult(ExportResult written, long reciprocals, long inexact, double largestError) {}
