package io.github.steelyard.export;

/// Something that cannot be written.
///
/// @param subject name of the module, site or tensor
/// @param message why, without the subject
record Refusal(String subject, String message) {

    /// Returns the line for people.
    String text() {
        return subject + ": " + message;
    }
}
