package io.github.steelyard.template;

import io.github.steelyard.jinja.TemplateException;

/// What a name stands for that nobody has given a value: false, empty, prints nothing; all else with it is an error.
///
/// @param what the name, or what was looked for in what
record Undefined(String what) {

    TemplateException used() {
        return new TemplateException(what + " is undefined");
    }
}
