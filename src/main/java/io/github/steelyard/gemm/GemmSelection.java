package io.github.steelyard.gemm;

import io.github.steelyard.kernel.Kernels;
import io.github.steelyard.kernel.ReferenceKernels;
import io.github.steelyard.kernel.VectorKernels;
import io.github.steelyard.matrix.GemmProvider;
import io.github.steelyard.matrix.GemmProvider.UnavailableException;
import io.github.steelyard.matrix.MatrixProduct;
import io.github.steelyard.matrix.Processor;
import io.github.steelyard.matrix.RowPromise;
import io.github.steelyard.onednn.Bf16x3Gemm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/// Which matrix product is taken. The choice depends on the machine and on what was asked for, never on a timing.
public final class GemmSelection {

    private static final String AUTO = "auto";

    private GemmSelection() {}

    /// Returns the names that may be asked for: the built-in ones, then those found on the class path.
    static List<String> names() {
        List<String> names = new ArrayList<>(List.of(AUTO));
        Arrays.stream(BuiltIn.values()).map(BuiltIn::option).forEach(names::add);
        new Found().providers.forEach(provider -> names.add(provider.name()));
        return names;
    }

    static Gemm select(String preference) {
        if (preference.equals(AUTO)) {
            ProcessorKind kind = ProcessorKind.of(Processor.ofMachine(), vectorBits());
            return first(kind.order(), kind.reason() + "; ", true);
        }
        for (BuiltIn product : BuiltIn.values()) {
            if (product.option().equals(preference)) {
                return first(List.of(product), "", false);
            }
        }
        return found(preference);
    }

    private static int vectorBits() {
        return switch (Kernels.fastest()) {
            case VectorKernels vector -> vector.bits();
            case ReferenceKernels reference -> 0;
        };
    }

    /// Returns the first of these products that runs here, or else the fastest that always does.
    ///
    /// @param why the choice is made, up to what the product says of itself
    /// @param fast whether the product has to be fast here
    static Gemm first(List<BuiltIn> order, String why, boolean fast) {
        StringBuilder reason = new StringBuilder(why);
        for (BuiltIn name : order) {
            try {
                MatrixProduct product = name.open();
                if (fast && product instanceof Bf16x3Gemm split && !split.hasTiles()) {
                    throw new UnavailableException("finds no matrix tiles: " + split.detail());
                }
                return name == BuiltIn.REFERENCE
                        ? new Gemm(product, Kernels.reference(), reason + "asked for")
                        : withSmall(product, reason.toString());
            } catch (UnavailableException e) {
                reason.append(name.option()).append(' ').append(e.getMessage()).append("; ");
            }
        }
        return vectorOrReference(reason.toString());
    }

    private static Gemm vectorOrReference(String why) {
        Kernels fastest = Kernels.fastest();
        return switch (fastest) {
            case VectorKernels vector -> new Gemm(VectorGemm.ofMachine(), vector, why + vector.reason());
            case ReferenceKernels reference -> new Gemm(new ReferenceGemm(), reference, why + reference.reason());
        };
    }

    /// Leaves small products to the Vector API's, where the product wants that and this JVM has it.
    ///
    /// @param why the product is taken, up to what it says of itself
    public static Gemm withSmall(MatrixProduct product, String why) {
        Kernels kernels = Kernels.fastest();
        String reason = why + product.detail();
        if (product.rows() == RowPromise.SAME_WITHIN_ROUNDING) {
            reason += "; last bits may depend on threads and memory";
        }
        if (product.smallest() == 0 || kernels instanceof ReferenceKernels) {
            return new Gemm(product, kernels, reason);
        }
        MatrixProduct small = VectorGemm.ofMachine();
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
            return withSmall(asked.getFirst().open(), "");
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
