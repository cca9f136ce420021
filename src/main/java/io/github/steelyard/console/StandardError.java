package io.github.steelyard.console;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InaccessibleObjectException;
import java.nio.charset.StandardCharsets;

/// The standard error that the launcher was given. The JVM's own, with all that the JVM itself has to say, goes through
/// a filter of the launcher's.
final class StandardError {

    /// Names the descriptor.
    private static final String PROPERTY = "steelyard.stderr";

    private StandardError() {}

    /// Returns it; the JVM's where there is no launcher.
    static PrintStream open() {
        Integer descriptor = Integer.getInteger(PROPERTY);
        if (descriptor == null) {
            return System.err;
        }
        // Opening /dev/fd/3 instead would begin a file anew, or write over what others write after us.
        try {
            Constructor<FileDescriptor> constructor = FileDescriptor.class.getDeclaredConstructor(int.class);
            constructor.setAccessible(true);
            FileOutputStream out = new FileOutputStream(constructor.newInstance(descriptor));
            return new PrintStream(out, true, StandardCharsets.UTF_8);
        } catch (ReflectiveOperationException | InaccessibleObjectException e) {
            return System.err;
        }
    }
}
