package io.github.steelyard.template;

import io.github.steelyard.jinja.TemplateException;
import java.util.List;
import java.util.Map;

/// What a call passed, by the names of its parameters.
///
/// @param what is called, for messages
/// @param positional values in order
/// @param named values by name
record Parameters(String what, List<Object> positional, Map<String, Object> named) {

    /// Refuses what has no place.
    ///
    /// @param names the parameters in their order
    Parameters of(String... names) {
        if (positional.size() > names.length) {
            throw new TemplateException(
                    "%s: takes %s arguments at most, found %s".formatted(what, names.length, positional.size()));
        }
        for (String name : named.keySet()) {
            int at = List.of(names).indexOf(name);
            if (at < 0 || at < positional.size()) {
                throw new TemplateException("%s: argument '%s' is not done here".formatted(what, name));
            }
        }
        return this;
    }

    /// Returns the value at a place or of a name, [Nothing] if there is none.
    Object get(int at, String name) {
        return get(at, name, Nothing.NONE);
    }

    Object get(int at, String name, Object otherwise) {
        return at < positional.size() ? positional.get(at) : named.getOrDefault(name, otherwise);
    }

    boolean has(int at, String name) {
        return at < positional.size() || named.containsKey(name);
    }

    /// Returns a value that must be there.
    Object required(int at, String name) {
        if (!has(at, name)) {
            throw new TemplateException("%s: argument '%s' is missing".formatted(what, name));
        }
        return get(at, name);
    }

    String text(int at, String name) {
        return Values.text(required(at, name), what);
    }

    long integer(int at, String name, long otherwise) {
        return has(at, name) ? Values.integer(get(at, name)) : otherwise;
    }

    boolean flag(int at, String name, boolean otherwise) {
        return has(at, name) ? Values.truth(get(at, name)) : otherwise;
    }
}
