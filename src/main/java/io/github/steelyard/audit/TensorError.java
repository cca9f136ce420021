package io.github.steelyard.audit;

import io.github.steelyard.quant.QuantizationError;

/// How far a written weight is from the source's, both dequantised.
///
/// @param module the module
/// @param from storage format of the source
/// @param to storage format of the export
/// @param error the differences over all elements
public record TensorError(String module, String from, String to, QuantizationError error) {}
