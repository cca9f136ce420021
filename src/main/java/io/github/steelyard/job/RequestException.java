package io.github.steelyard.job;

/// A request whose parts do not make sense together, or name what does not exist. The message calls each part by the
/// option that sets it on the command line: `--data`, `--threads`.
public final class RequestException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /// Makes one whose message names the parts by their options.
    public RequestException(String message) {
        super(message);
    }
}
