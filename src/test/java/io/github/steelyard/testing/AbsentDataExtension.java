package io.github.steelyard.testing;

import java.lang.reflect.Method;
import java.util.Optional;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;
import org.opentest4j.TestAbortedException;

/// Skips a test that looked for reference data which is not there, whatever the test made of that: an assertion about
/// exceptions would take the abort for the exception that it waits for and turn the skip into a failure.
///
/// Registered for all tests by `META-INF/services`.
public final class AbsentDataExtension implements InvocationInterceptor {

    @Override
    public void interceptTestMethod(
            Invocation<Void> test, ReflectiveInvocationContext<Method> context, ExtensionContext extension)
            throws Throwable {
        skipWithoutData(test);
    }

    @Override
    public void interceptTestTemplateMethod(
            Invocation<Void> test, ReflectiveInvocationContext<Method> context, ExtensionContext extension)
            throws Throwable {
        skipWithoutData(test);
    }

    static void skipWithoutData(Invocation<Void> test) throws Throwable {
        Shared.takeAbsence();
        Throwable thrown = null;
        try {
            test.proceed();
        } catch (Throwable e) {
            thrown = e;
        }
        Optional<String> absence = Shared.takeAbsence();
        if (absence.isPresent()) {
            throw new TestAbortedException(absence.get(), thrown);
        }
        if (thrown != null) {
            throw thrown;
        }
    }
}
