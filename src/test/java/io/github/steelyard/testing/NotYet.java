package io.github.steelyard.testing;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.lang.reflect.Method;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;
import org.opentest4j.TestAbortedException;

/// Marks a test of something that does not hold yet: the test must fail, and once it does not, the mark must go.
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(NotYet.Inversion.class)
public @interface NotYet {

    /// Returns parts of the display names of those invocations of a parameterised test that are meant; empty for all.
    String[] value() default {};

    /// Turns failure into success, and success into failure.
    final class Inversion implements InvocationInterceptor {

        @Override
        public void interceptTestMethod(
                Invocation<Void> invocation, ReflectiveInvocationContext<Method> context, ExtensionContext extension)
                throws Throwable {
            invert(invocation, context, extension);
        }

        @Override
        public void interceptTestTemplateMethod(
                Invocation<Void> invocation, ReflectiveInvocationContext<Method> context, ExtensionContext extension)
                throws Throwable {
            invert(invocation, context, extension);
        }

        private static void invert(
                Invocation<Void> invocation, ReflectiveInvocationContext<Method> context, ExtensionContext extension)
                throws Throwable {
            String[] meant = context.getExecutable().getAnnotation(NotYet.class).value();
            if (meant.length > 0 && Stream.of(meant).noneMatch(extension.getDisplayName()::contains)) {
                invocation.proceed();
                return;
            }
            try {
                invocation.proceed();
            } catch (TestAbortedException e) {
                throw e;
            } catch (Throwable e) {
                return;
            }
            throw new AssertionError("%s %s holds now: take it off @NotYet"
                    .formatted(context.getExecutable().getName(), extension.getDisplayName()));
        }
    }
}
