package io.github.steelyard.jinja;

import java.util.List;

/// A part of a template.
sealed interface Segment {

    /// Text that is printed as it is.
    record Text(String text) implements Segment {}

    /// What stands between `{{` and `}}`; ends with a token of kind END.
    record Print(List<Token> tokens) implements Segment {}

    /// What stands between `{%` and `%}`; ends with a token of kind END.
    record Tag(List<Token> tokens) implements Segment {}
}
