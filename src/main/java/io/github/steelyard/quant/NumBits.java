package io.github.steelyard.quant;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The element code of a quantizer, as ModelOpt's `num_bits` and `scale_bits` name it.
public sealed interface NumBits {

    /// FP8 with 4 exponent and 3 mantissa bits.
    NumBits E4M3 = new Floating(4, 3);

    /// FP4 with 2 exponent bits and 1 mantissa bit.
    NumBits E2M1 = new Floating(2, 1);

    /// A power of two: the block scale of the MX formats.
    NumBits E8M0 = new Floating(8, 0);

    /// Signed integers of 8 bits: ModelOpt's default.
    NumBits INT8 = new Whole(8);

    /// Signed integers of 4 bits.
    NumBits INT4 = new Whole(4);

    /// A signed integer of `bits` bits, at least 1.
    record Whole(int bits) implements NumBits {
        public Whole {
            if (bits < 1) {
                throw new IllegalArgumentException(
                        String.format(Locale.ROOT, "num_bits must be at least 1, found %d", bits));
            }
        }

        @Override
        public String toString() {
            return Integer.toString(bits);
        }
    }

    /// A float of a sign, `exponent` and `mantissa` bits.
    record Floating(int exponent, int mantissa) implements NumBits {
        public Floating {
            if (exponent < 0 || mantissa < 0 || exponent > 8 || mantissa > 10) {
                throw new IllegalArgumentException(String.format(
                        Locale.ROOT,
                        "no floating-point code has %d exponent and %d mantissa bits",
                        exponent,
                        mantissa));
            }
        }

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "e%dm%d", exponent, mantissa);
        }
    }

    /// Reads a name like `e4m3`; empty if `name` has another form.
    static Optional<NumBits> floating(String name) {
        Matcher matcher = Names.FLOATING.matcher(name.toLowerCase(Locale.ROOT));
        return matcher.matches()
                ? Optional.of(new Floating(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2))))
                : Optional.empty();
    }

    /// The form of a floating-point code's name.
    final class Names {
        private static final Pattern FLOATING = Pattern.compile("e(\\d)m(\\d)");

        private Names() {}
    }
}
