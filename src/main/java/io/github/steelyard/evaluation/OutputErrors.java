package io.github.steelyard.evaluation;

import io.github.steelyard.model.Sequences;
import io.github.steelyard.quant.QuantizationError;
import io.github.steelyard.site.ModuleInfo;
import io.github.steelyard.site.Role;
import io.github.steelyard.site.RowSource;
import io.github.steelyard.site.Site;
import io.github.steelyard.site.Tap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/// Holds what the linear layers of one layer give against [OutputRows] of another model. What has been added does not
/// depend on the order.
final class OutputErrors {

    private final Map<Site, Sums> sums = new ConcurrentHashMap<>();

    private static final class Sums {
        private final ExactSum error = new ExactSum();
        private final ExactSum signal = new ExactSum();
        private long tokens;
        private long apart;

        private synchronized void add(QuantizationError row) {
            error.add(row.squaredError());
            signal.add(row.squaredSignal());
            tokens++;
        }

        private synchronized void addApart() {
            apart++;
        }
    }

    /// Returns a tap that does what `inner` does and compares outputs after it.
    ///
    /// @param reference what the other model gave for the same sequences
    Tap comparing(Tap inner, OutputRows reference, Sequences sequences) {
        return new Tap() {
            @Override
            public void rows(List<Site> sites, RowSource source, float[] values, int offset, int rows, int columns) {
                boolean output = sites.getFirst().role() == Role.OUTPUT;
                if (!output || inner.watches(Role.OUTPUT)) {
                    inner.rows(sites, source, values, offset, rows, columns);
                }
                if (output) {
                    compare(sites.getFirst(), source, values, offset, rows, columns);
                }
            }

            private void compare(Site site, RowSource source, float[] values, int offset, int rows, int columns) {
                Sums added = sums.computeIfAbsent(site, absent -> new Sums());
                float[] other = new float[columns];
                for (int row = 0; row < rows; row++) {
                    if (reference.read(site, OutputRows.token(source, sequences, row), other)) {
                        int at = offset + row * columns;
                        added.add(QuantizationError.of(other, 0, values, at, columns, Float.POSITIVE_INFINITY));
                    } else {
                        added.addApart();
                    }
                }
            }

            @Override
            public boolean watches(Role role) {
                return role == Role.OUTPUT || inner.watches(role);
            }

            @Override
            public boolean alters() {
                return inner.alters();
            }

            @Override
            public List<List<Site>> partition(List<Site> sites) {
                return inner.partition(sites);
            }
        };
    }

    /// Returns the difference of a linear layer's outputs.
    ComparisonResult.LinearError of(ModuleInfo module) {
        Sums found = sums.getOrDefault(new Site(module.name(), Role.OUTPUT), new Sums());
        return new ComparisonResult.LinearError(
                module.name(),
                module.layer(),
                found.tokens,
                found.apart,
                sqnr(found.signal.value(), found.error.value()));
    }

    /// Returns signal to noise in dB; empty where there is no noise, or no number.
    static Optional<Double> sqnr(double signal, double error) {
        double sqnr = 10 * Math.log10(signal / error);
        return Double.isFinite(sqnr) ? Optional.of(sqnr) : Optional.empty();
    }
}
