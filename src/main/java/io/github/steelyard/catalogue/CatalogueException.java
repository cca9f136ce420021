package io.github.steelyard.catalogue;

import io.github.steelyard.yaml.Position;
import io.github.steelyard.yaml.YamlException;
import java.util.Locale;

/// A catalogue file or a case file that cannot be used, with the place in it.
public final class CatalogueException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String file;
    private final int line;

    /// @param file the file's path or resource name
    /// @param line the line, from 1; 0 when the fault is not at one line
    /// @param fault what is wrong: what, wanted, found
    public CatalogueException(String file, int line, String fault) {
        super(line > 0 ? String.format(Locale.ROOT, "%s:%d: %s", file, line, fault) : "%s: %s".formatted(file, fault));
        this.file = file;
        this.line = line;
    }

    /// @param at where the fault is
    CatalogueException(Position at, String fault) {
        this(at.file().toString(), at.line(), fault);
    }

    /// For a catalogue that is no YAML, or does not have the keys and values of a catalogue.
    CatalogueException(YamlException fault) {
        super(fault.getMessage(), fault);
        file = fault.path().toString();
        line = fault.line();
    }

    /// Returns the file's path or resource name.
    public String file() {
        return file;
    }

    /// Returns the line, from 1, or 0 when the fault is not at one line.
    public int line() {
        return line;
    }
}
