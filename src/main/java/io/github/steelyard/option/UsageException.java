package io.github.steelyard.option;

/// Arguments that do not make sense together.
public final class UsageException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public UsageException(String message) {
        super(message);
    }
}
