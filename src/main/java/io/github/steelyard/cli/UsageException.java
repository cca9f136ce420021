package io.github.steelyard.cli;

/// Arguments that do not make sense together.
final class UsageException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    UsageException(String message) {
        super(message);
    }
}
