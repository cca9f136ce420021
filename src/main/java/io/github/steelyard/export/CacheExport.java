package io.github.steelyard.export;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/// The scales of the key and value cache that an export writes.
///
/// @param format `FP8` or `NVFP4`; empty if the cache is not quantised
/// @param tensors the scales
/// @param replaced names of the source's tensors that are not copied
record CacheExport(Optional<String> format, List<OutputTensors> tensors, Set<String> replaced) {}
