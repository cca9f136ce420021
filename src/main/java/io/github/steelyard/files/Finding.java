package io.github.steelyard.files;

/// Something about a checkpoint that a person should know.
///
/// @param level whether it prevents use
/// @param code what kind of problem it is, for machines: `scale-missing`
/// @param subject the tensor, module, key or file that it is about
/// @param message one line with file, subject, wanted and found
public record Finding(Level level, String code, String subject, String message) {

    /// Code of what says which files were read where there was a choice: what follows may follow from that.
    public static final String WHICH_FILES = "index-unused";

    /// How bad a finding is.
    public enum Level {
        /// A calibration refuses the checkpoint.
        ERROR,
        /// Odd, but harmless or repaired; always shown.
        WARNING
    }

    /// Returns an error.
    public static Finding error(String code, String subject, String message) {
        return new Finding(Level.ERROR, code, subject, message);
    }

    /// Returns a warning.
    public static Finding warning(String code, String subject, String message) {
        return new Finding(Level.WARNING, code, subject, message);
    }

    /// Returns whether the finding prevents use.
    public boolean isError() {
        return level == Level.ERROR;
    }
}
