package io.github.steelyard.statistics;

import io.github.steelyard.site.Population;
import io.github.steelyard.tensor.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// A column of `statistics.safetensors` that holds a number of each site's [Measurement] over one population.
///
/// @param kind the number
/// @param population over which tokens
record MeasurementColumn(Kind kind, Population population) {

    /// Those that are always there, in the order of writing.
    static final List<MeasurementColumn> ALL =
            Stream.of(DType.I64, DType.F32).flatMap(MeasurementColumn::of).toList();

    /// Those that are there where an adapter showed an amax.
    static final List<MeasurementColumn> VARIANTS = of(DType.I32).toList();

    /// The numbers in the order of writing.
    enum Kind {
        TOKENS("tokens", DType.I64),
        NON_FINITE("non_finite", DType.I64),
        AMAX("amax", DType.F32),
        VARIANT("variant", DType.I32);

        private final String tensor;
        private final DType dtype;

        Kind(String tensor, DType dtype) {
            this.tensor = tensor;
            this.dtype = dtype;
        }

        /// Returns the bits of the number, NaN and zeros where nothing was measured.
        private long bits(Optional<Measurement> found) {
            Measurement counts = found.orElse(Measurement.NONE);
            return switch (this) {
                case TOKENS -> counts.tokens();
                case NON_FINITE -> counts.nonFinite();
                case AMAX -> Float.floatToIntBits(found.isPresent() ? counts.amax() : Float.NaN);
                case VARIANT -> counts.variant();
            };
        }
    }

    private static Stream<MeasurementColumn> of(DType dtype) {
        return Stream.of(Population.values())
                .flatMap(population -> Stream.of(Kind.values())
                        .filter(kind -> kind.dtype == dtype)
                        .map(kind -> new MeasurementColumn(kind, population)));
    }

    /// Returns what names of columns over a population end with.
    static String suffix(Population population) {
        return switch (population) {
            case ROUTED -> "";
            case ALL -> "_all";
        };
    }

    String tensor() {
        return kind.tensor + suffix(population);
    }

    DType dtype() {
        return kind.dtype;
    }

    /// Returns its bytes.
    byte[] bytes(Statistics statistics) {
        int elementBytes = dtype().bits() / Byte.SIZE;
        byte[] bytes = new byte[Math.multiplyExact(statistics.sites().size(), elementBytes)];
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (SiteStatistics found : statistics.sites().values()) {
            long bits = kind.bits(found.over(population));
            if (elementBytes == Long.BYTES) {
                buffer.putLong(bits);
            } else {
                buffer.putInt((int) bits);
            }
        }
        return bytes;
    }
}
