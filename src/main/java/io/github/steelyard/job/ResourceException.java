package io.github.steelyard.job;

/// Too little of a resource for what was asked; known before anything is begun.
public final class ResourceException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    ResourceException(String message) {
        super(message);
    }
}
