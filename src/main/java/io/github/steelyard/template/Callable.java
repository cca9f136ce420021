package io.github.steelyard.template;

import java.util.List;
import java.util.Map;

/// What a template may call.
interface Callable {

    Object call(List<Object> positional, Map<String, Object> named);
}
