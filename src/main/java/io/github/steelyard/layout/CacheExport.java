package io.github.steelyard.layout;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/// The scales of the key and value cache that an export writes.
///
/// @param format `FP8` or `NVFP4`; empty if the cache is not quantised
/// @param perHead whether there is a scale for each head, and not one for an attention
/// @param tensors the scales
/// @param replaced names of the source's tensors that are not copied
public record CacheExport(
        Optional<String> format, boolean perHead, List<OutputTensors> tensors, Set<String> replaced) {}
