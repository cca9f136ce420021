package io.github.steelyard.gemm;

import io.github.steelyard.gemm.GemmProvider.UnavailableException;
import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.kernel.ReferenceKernels;
import io.github.steelyard.kernel.VectorKernels;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/// Which matrix product is taken. The choice depends on the machine and on what was asked for, never on a timing.
final class GemmSelection {

    private static final List<String> BUILT_IN = List.of("auto", "onednn", "vector", "reference");

    private GemmSelection() {}

    /// Returns the names that may be asked for: the built-in ones, then those found on the class path.
    static List<String> names() {
        List<String> names = new ArrayList<>(BUILT_IN);
        new Found().providers.forEach(provider -> names.add(provider.name()));
        return names;
    }

    static Gemm select(String preference) {
        return switch (preference) {
            case "auto" -> fastest();
            case "onednn" -> oneDnnOrVector();
            case "vector" -> vectorOrReference("");
            case "reference" -> new Gemm(new ReferenceGemm(), Kernels.reference(), "asked for");
            default -> found(preference);
        };
    }

    // With 512-bit vectors the Vector API's product, which needs no copies outside the heap, is the faster one.
    private static Gemm fastest() {
        return Kernels.fastest() instanceof VectorKernels vector && vector.isWide()
                ? vectorOrReference("oneDNN is slower here; ")
                : oneDnnOrVector();
    }

    private static Gemm oneDnnOrVector() {
        try {
            return withSmall(OneDnnGemm.load(Kernels.fastest()));
        } catch (UnavailableException e) {
            return vectorOrReference("oneDNN " + e.getMessage() + "; ");
        }
    }

    private static Gemm vectorOrReference(String declined) {
        Kernels fastest = Kernels.fastest();
        return switch (fastest) {
            case VectorKernels vector -> new Gemm(new VectorGemm(), vector, declined + vector.reason());
            case ReferenceKernels reference -> new Gemm(new ReferenceGemm(), reference, declined + reference.reason());
        };
    }

    /// Leaves small products to the Vector API's, where the product wants that and this JVM has it.
    static Gemm withSmall(MatrixProduct product) {
        Kernels kernels = Kernels.fastest();
        String reason = product.detail();
        if (product.rows() == RowPromise.SAME_WITHIN_ROUNDING) {
            reason += "; last bits may depend on threads and memory";
        }
        if (product.smallest() == 0 || kernels instanceof ReferenceKernels) {
            return new Gemm(product, kernels, reason);
        }
        MatrixProduct small = new VectorGemm();
        return new Gemm(product, small, kernels, "%s; small products by %s".formatted(reason, small.name()));
    }

    private static Gemm found(String preference) {
        Found found = new Found();
        List<GemmProvider> asked = found.providers.stream()
                .filter(provider -> provider.name().equals(preference))
                .toList();
        if (asked.isEmpty()) {
            List<String> names = names();
            throw new IllegalArgumentException("matrix product '%s': expected %s or %s%s"
                    .formatted(
                            preference,
                            String.join(", ", names.subList(0, names.size() - 1)),
                            names.getLast(),
                            found.problem));
        }
        if (asked.size() > 1) {
            throw new IllegalArgumentException("matrix product '%s': both %s and %s are called that"
                    .formatted(
                            preference,
                            asked.get(0).getClass().getName(),
                            asked.get(1).getClass().getName()));
        }
        try {
            return withSmall(asked.getFirst().open());
        } catch (UnavailableException e) {
            return vectorOrReference("%s %s; ".formatted(preference, e.getMessage()));
        } catch (RuntimeException | LinkageError e) {
            return vectorOrReference("%s does not work here: %s; ".formatted(preference, e));
        }
    }

    /// The providers on the class path, up to the first that cannot be loaded.
    private static final class Found {

        private final List<GemmProvider> providers = new ArrayList<>();
        private String problem = "";

        Found() {
            Iterator<GemmProvider> all = ServiceLoader.load(GemmProvider.class).iterator();
            try {
                while (all.hasNext()) {
                    providers.add(all.next());
                }
            } catch (ServiceConfigurationError e) {
                problem = " (one on the class path cannot be loaded: %s)".formatted(e.getMessage());
            }
        }
    }
}
