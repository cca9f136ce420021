package io.github.steelyard.layout;

/// Something that cannot be written.
///
/// @param subject name of the module, site or tensor
/// @param message why, without the subject
public record Refusal(String subject, String message) {

    /// Returns the line for people.
    public String text() {
        return subject + ": " + message;
    }
}
