package io.github.steelyard.natives;

/// A native library, or the process that was to use it, cannot be had here: no private directory, another file on the
/// class path than the one that this version was built with, no memory. Nothing is wrong with the input. The message is
/// one line.
public final class NativeException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public NativeException(String message) {
        super(message);
    }

    public NativeException(String message, Throwable cause) {
        super(message, cause);
    }
}
