package io.github.steelyard.matrix;

/// Offers a [MatrixProduct] from outside this jar. Found by `java.util.ServiceLoader`: a public class with a public
/// constructor without parameters, named in `META-INF/services/io.github.steelyard.matrix.GemmProvider` on the class
/// path. `--gemm NAME` asks for it; it is never taken unasked.
public interface GemmProvider {

    /// Returns what `--gemm` calls it: short, in lower case, and none of the built-in names.
    /// Cheap: nothing is loaded for it.
    String name();

    /// Loads what the product needs. Called at most once for each selection.
    ///
    /// @throws UnavailableException if it cannot run on this machine; the fastest built-in product is taken instead
    MatrixProduct open() throws UnavailableException;

    /// A product cannot run here; the message tells why, in one line that goes on from the provider's name.
    final class UnavailableException extends Exception {

        private static final long serialVersionUID = 1L;

        /// @param message such as `needs AVX-512`
        public UnavailableException(String message) {
            super(message);
        }

        /// @param message such as `does not work here: no such symbol`
        /// @param cause what it comes from
        public UnavailableException(String message, Throwable cause) {
            super(message, cause);
        }
    }
}
